//! A budget counts exactly the bytes that its accounts hold.

use super::*;
use crate::wire::error::LimitError;

#[test]
fn a_budget_counts_what_its_accounts_hold() {
    let budget = MemoryBudget::new(100);
    let (mut one, mut other) = (Account::new(budget.clone()), Account::new(budget.clone()));
    assert_eq!((one.hold(40), other.hold(50), budget.used()), (Ok(()), Ok(()), 90));
    assert_eq!(one.hold(51), Err(LimitError::MemoryBudget { limit: 100 }));
    assert_eq!(budget.used(), 90, "a request that fails changes nothing");
    assert_eq!((one.hold(50), budget.used()), (Ok(()), 100));
    assert_eq!((other.hold(10), budget.used()), (Ok(()), 60));
    drop(one);
    other.release();
    assert_eq!(budget.used(), 0);
}

#[test]
fn a_budget_is_scarce_before_it_is_exhausted() {
    let budget = MemoryBudget::new(800);
    let mut account = Account::new(budget.clone());
    for (held, is_scarce, is_exhausted) in [(599, false, false), (600, true, false), (700, true, true)] {
        account.hold(held).unwrap_or_default();
        assert_eq!((budget.is_scarce(), budget.is_exhausted()), (is_scarce, is_exhausted), "{held}");
    }
}

#[test]
fn an_account_without_a_budget_holds_anything() {
    assert_eq!(Account::default().hold(usize::MAX), Ok(()));
}
