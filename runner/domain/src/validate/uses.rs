//! The rules for uses of other projects' actions and events.

use std::collections::HashSet;

use super::report::Report;
use super::schemas::Schemas;
use crate::declare::{ProjectUse, Used};
use crate::names::{check_name, shown};

/// Checks the uses of a list.
pub(super) fn check<'a>(uses: &'a [ProjectUse], schemas: &mut Schemas<'a>, report: &mut Report) {
    let mut seen = HashSet::with_capacity(uses.len());
    for item in uses {
        let (kind, name) = match &item.used {
            Used::Action { name, .. } => ("action", name.as_str()),
            Used::Event { name, .. } => ("event", name.as_str()),
        };
        let what = format!(
            "the use of the {kind} `{}` of the project `{}`",
            shown(name),
            shown(&item.project)
        );
        let mut about = report.about_the_list();
        for (whose, name) in [("project", item.project.as_str()), (kind, name)] {
            if let Err(reason) = check_name(name) {
                about.add(format!(
                    "{what}: the name of the {whose} is not one: {reason}"
                ));
            }
        }
        if !seen.insert((item.project.as_str(), kind, name)) {
            about.add(format!("{what} is declared more than once"));
        }
        match &item.used {
            Used::Action { input, output, .. } => {
                schemas.check(&format!("{what}: the input schema"), input, &mut about);
                schemas.check(&format!("{what}: the output schema"), output, &mut about);
            }
            Used::Event { schema, .. } => {
                schemas.check(&format!("{what}: the schema"), schema, &mut about);
            }
        }
    }
}
