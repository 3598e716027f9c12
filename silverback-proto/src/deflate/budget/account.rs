//! The share of a budget that one side of a connection holds.

use std::sync::atomic::Ordering;

use super::MemoryBudget;
use crate::wire::error::LimitError;

impl MemoryBudget {
    fn add(&self, bytes: usize) -> bool {
        let sum = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= self.0.limit);
        // The counter guards no other memory, so relaxed ordering is enough.
        self.0.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum).is_ok()
    }

    fn subtract(&self, bytes: usize) {
        self.0.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The share of a budget that one side of a connection holds. Dropping it gives the share back.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// `None` if nothing is counted.
    budget: Option<MemoryBudget>,
    held: usize,
}

impl Account {
    pub(crate) fn new(budget: MemoryBudget) -> Self {
        Self { budget: Some(budget), held: 0 }
    }

    /// Changes the share to this many bytes. If the budget has not enough, fails and changes nothing.
    pub(crate) fn hold(&mut self, bytes: usize) -> Result<(), LimitError> {
        let Some(budget) = &self.budget else { return Ok(()) };
        if bytes > self.held {
            if !budget.add(bytes - self.held) {
                return Err(LimitError::MemoryBudget { limit: budget.limit() });
            }
        } else if bytes < self.held {
            budget.subtract(self.held - bytes);
        }
        self.held = bytes;
        Ok(())
    }

    pub(crate) fn release(&mut self) {
        if let Some(budget) = self.budget.as_ref().filter(|_| self.held > 0) {
            budget.subtract(std::mem::take(&mut self.held));
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.release();
    }
}
