//! Scales, and the markup of a plot.
#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn a_linear_scale_ends_at_a_round_number() {
    for (most, top, marks) in [(97.0, 100.0, 5), (1.0, 1.0, 5), (0.0, 1.0, 5), (12_345.0, 15_000.0, 4)] {
        let scale = Linear::up_to(most);
        assert!((scale.part(top) - 1.0).abs() < 1e-9, "{most}: {scale:?}");
        assert_eq!(scale.marks(|value| value.to_string()).len(), marks, "{most}: {scale:?}");
    }
}

#[test]
fn a_scale_of_time_ends_with_the_time() {
    let scale = Linear::exactly(6.03);
    assert!((scale.part(6.03) - 1.0).abs() < 1e-9);
    let marks: Vec<_> = scale.marks(|value| value.to_string()).into_iter().map(|(_, label)| label).collect();
    assert_eq!(marks, ["0", "2", "4", "6"]);
}

#[test]
fn where_nothing_was_measured_there_is_no_line() {
    let point = |x: f64, begins| Point { x, y: 0.5, says: String::new(), begins };
    let points = vec![point(0.0, true), point(0.2, false), point(0.8, true), point(1.0, false)];
    let mut svg = String::new();
    draw_line(&mut svg, &Line { number: 1, points, is_area: false });
    assert_eq!((svg.matches('M').count(), svg.matches('L').count()), (2, 2), "{svg}");
}

#[test]
fn a_logarithmic_scale_holds_what_it_was_made_for() {
    for (least, most) in [(70_000.0, 3_000_000.0), (1.0, 1.0), (999.0, 1001.0), (5_000.0, 5_000.0)] {
        let scale = Logarithmic::over(least, most);
        assert!((0.0..=1.0).contains(&scale.part(least)), "{least}: {scale:?}");
        assert!((0.0..=1.0).contains(&scale.part(most)), "{most}: {scale:?}");
        assert!(scale.marks(|value| value.to_string()).len() >= 2, "{scale:?}");
    }
}

#[test]
fn a_wide_logarithmic_scale_has_one_mark_for_each_power() {
    let marks = Logarithmic::over(1e3, 1e9).marks(|value| format!("{value:e}"));
    assert_eq!(marks.len(), 7, "{marks:?}");
}

#[test]
fn what_a_server_says_is_no_markup() {
    assert_eq!(escape("<b a=\"x\">&"), "&lt;b a=&quot;x&quot;&gt;&amp;");
}

#[test]
fn a_plot_has_its_lines_and_its_values() {
    let points = vec![
        Point { x: 0.0, y: 0.0, says: "first".to_owned(), begins: false },
        Point { x: 1.0, y: 1.0, says: "last".to_owned(), begins: false },
    ];
    let plot = Plot {
        description: "A \"plot\"".to_owned(),
        x: Axis { title: "seconds", marks: vec![(0.5, "5".to_owned())] },
        y: Axis::default(),
        lines: vec![Line { number: 2, points, is_area: false }],
        bars: Vec::new(),
        bars_are: "",
    };
    let svg = plot.svg();
    for part in
        ["<svg ", "aria-label=\"A &quot;plot&quot;\"", "class=\"line series-2\"", "<title>last</title>", "</svg>"]
    {
        assert!(svg.contains(part), "{part}: {svg}");
    }
}

#[test]
fn marks_that_would_overlap_on_a_phone_are_shown_where_there_is_room() {
    let marks = [0.0, 0.05, 1.0 / 6.0, 2.0 / 6.0, 0.5, 4.0 / 6.0, 5.0 / 6.0, 1.0].into_iter();
    let labels = ["0", "50", "90", "99", "99.9", "99.99", "99.999", "99.9999"];
    let marks: Vec<_> = marks.zip(labels.map(str::to_owned)).collect();
    let classes = rooms(&marks);
    for (width, hidden) in [(NARROW, &[" roomy", " wide"][..]), (ROOMY, &[" wide"])] {
        let mut shown = marks.iter().zip(&classes).filter(|(_, class)| !hidden.contains(class)).map(|(mark, _)| mark);
        let mut before = shown.next().unwrap();
        for mark in shown {
            let words = |mark: &(f64, String)| mark.1.len() as f64 * LETTER / 2.0;
            assert!((mark.0 - before.0) * width >= words(mark) + words(before), "{before:?} {mark:?} at {width}");
            before = mark;
        }
    }
    assert!(classes.iter().filter(|class| class.is_empty()).count() >= 4, "{classes:?}");
}
