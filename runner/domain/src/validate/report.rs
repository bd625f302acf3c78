//! Collects findings, as many as a person reads.

use crate::declare::{Finding, Object};
use crate::names::shown;

/// The most findings that are kept.
const MAX_FINDINGS: usize = 100;

/// The findings so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    findings: Vec<Finding>,
    left_out: usize,
}

impl Report {
    /// Takes findings about one object.
    pub(super) fn about<'a>(&'a mut self, object: &'a Object) -> About<'a> {
        About {
            report: self,
            object: Some(object),
        }
    }

    /// Takes findings about no object in particular.
    pub(super) fn about_the_list(&mut self) -> About<'_> {
        About {
            report: self,
            object: None,
        }
    }

    /// Returns whether nothing was found.
    pub(super) fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    /// Returns what was found, if anything.
    pub(super) fn finish(mut self) -> Result<(), Vec<Finding>> {
        if self.left_out > 0 {
            self.findings.push(Finding {
                message: format!("and {} more", self.left_out),
                object: None,
                location: None,
            });
        }
        if self.findings.is_empty() {
            Ok(())
        } else {
            Err(self.findings)
        }
    }
}

/// Takes findings about one object, or about the list as a whole.
#[derive(Debug)]
pub(super) struct About<'a> {
    report: &'a mut Report,
    object: Option<&'a Object>,
}

impl About<'_> {
    /// Adds a finding.
    pub(super) fn add(&mut self, message: String) {
        if self.report.findings.len() == MAX_FINDINGS {
            self.report.left_out += 1;
            return;
        }
        self.report.findings.push(Finding {
            message,
            object: self
                .object
                .map(|object| format!("{} {}", object.kind(), shown(object.name()))),
            location: self.object.and_then(Object::location).cloned(),
        });
    }
}
