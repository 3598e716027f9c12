use super::*;

fn well() -> Findings {
    Findings {
        errors: 0,
        under_load: Growth { before: 100, after: 125 },
        when_empty: Growth { before: 80, after: 120 },
        kept_descriptors: 0,
        said: String::new(),
    }
}

#[test]
fn quarters_are_compared_by_their_medians() {
    let samples = [900, 900, 900, 10, 12, 999, 50, 50, 50, 15, 14, 1];
    assert_eq!(Growth::between_quarters(&samples), Some(Growth { before: 12, after: 14 }));
    assert_eq!(Growth::between_quarters(&[1, 2, 3]), None);
}

#[test]
fn little_growth_is_tolerated() {
    assert_eq!(well().complaints(), [""; 0]);
}

#[test]
fn every_complaint_has_its_words() {
    for (wrong, named) in [
        (Findings { errors: 2, ..well() }, "provoke: 2"),
        (Findings { under_load: Growth { before: 100, after: 126 }, ..well() }, "under load"),
        (Findings { when_empty: Growth { before: 80, after: 121 }, ..well() }, "all have left"),
        (Findings { kept_descriptors: 1, ..well() }, "descriptors kept: 1"),
        (Findings { said: "the connection failed".to_owned(), ..well() }, "the connection failed"),
    ] {
        let complaints = wrong.complaints();
        assert!(complaints.len() == 1 && complaints[0].contains(named), "{complaints:?}");
    }
}
