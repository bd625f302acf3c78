//! The stages of a deploy as a bar: each as wide as it took long.

use askama::Template;
use askama::filters::Safe;
use engine::StageReport;

use super::text;

/// The width that all stages share.
const WIDTH: u64 = 1000;

/// The bar.
#[derive(Template)]
#[template(path = "parts/bar.html")]
pub(super) struct Bar {
    segments: Vec<Segment>,
    label: String,
}

/// One stage of the bar.
struct Segment {
    stage: &'static str,
    begins: u64,
    width: u64,
    label: String,
}

/// Draws the stages that are over.
pub(super) fn bar(stages: &[StageReport]) -> Safe<Bar> {
    let total: u64 = stages.iter().map(|stage| stage.duration_ms).sum();
    let mut passed = 0;
    let mut segments = Vec::new();
    for stage in stages {
        let place = |at: u64| at * WIDTH / total.max(1);
        let begins = place(passed);
        passed += stage.duration_ms;
        segments.push(Segment {
            stage: stage.name.as_str(),
            begins,
            width: place(passed) - begins,
            label: format!("{} {}", stage.name, text::duration(stage.duration_ms)),
        });
    }
    let labels: Vec<&str> = segments.iter().map(|it| it.label.as_str()).collect();
    Safe(Bar {
        label: labels.join(", "),
        segments,
    })
}

#[cfg(test)]
mod tests {
    use domain::{Stage, StageStatus};
    use engine::StageReport;

    use super::{WIDTH, bar};

    #[test]
    fn stages_fill_the_bar_without_a_gap() {
        let stages: Vec<StageReport> = [
            (Stage::Build, 700),
            (Stage::Collect, 1),
            (Stage::Apply, 299),
        ]
        .map(|(name, duration_ms)| StageReport {
            name,
            duration_ms,
            status: StageStatus::Done,
        })
        .into();
        let made = bar(&stages).0;
        let mut reached = 0;
        for segment in &made.segments {
            assert_eq!(segment.begins, reached);
            reached += segment.width;
        }
        assert_eq!(reached, WIDTH);
        assert_eq!(made.label, "build 700 ms, collect 1 ms, apply 299 ms");
    }

    #[test]
    fn stages_that_took_no_time_are_no_error() {
        let stage = StageReport {
            name: Stage::Plan,
            duration_ms: 0,
            status: StageStatus::Done,
        };
        assert_eq!(bar(&[stage]).0.segments[0].width, 0);
    }
}
