//! `tidegate doctor`: checks that the state is sound.

use anstyle::{AnsiColor, Style};

use super::Outcome;
use crate::context::Context;
use crate::document::items;
use crate::outcome::Ending;
use crate::text::plain;

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();

pub(crate) async fn run(context: &Context) -> Outcome {
    let session = context.open(None, "doctor").await?;
    let checks = session.engine.doctor().await?;
    context.shell.document(&items("checks", &checks));
    for check in &checks {
        let (style, word) = if check.ok { (GOOD, "ok") } else { (BAD, "bad") };
        let (name, detail) = (plain(&check.check), plain(&check.detail));
        context
            .shell
            .data(format_args!("{style}{word:<4}{style:#}{name}: {detail}"));
    }
    match checks.iter().all(|check| check.ok) {
        true => Ok(Ending::Done),
        false => Ok(Ending::Exit(engine::Exit::Failed)),
    }
}
