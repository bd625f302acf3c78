//! What a deploy is called while and after it happens.

use crate::stable::stable_enum;

stable_enum! {
    /// How a deploy stands, or ended.
    pub enum DeployStatus {
        /// Under way.
        Running = "running",
        /// Live, with every step done.
        Succeeded = "succeeded",
        /// Live, with steps not done.
        Incomplete = "incomplete",
        /// Nothing changed.
        Failed = "failed",
        /// Undone because a step failed.
        RolledBack = "rolled-back",
        /// Found at start-up after a crash; nothing changed.
        Interrupted = "interrupted",
    }
}

stable_enum! {
    /// Why a deploy was made.
    pub enum DeployCause {
        /// Somebody deployed source or an artifact.
        Deploy = "deploy",
        /// Somebody went back to an earlier deploy.
        Rollback = "rollback",
        /// A value that live objects use changed.
        Reconfigure = "reconfigure",
        /// A deploy with `--atomic` failed and is undone.
        Compensation = "compensation",
    }
}

stable_enum! {
    /// The stages of a deploy, in order.
    pub enum Stage {
        /// The component is built from source.
        Build = "build",
        /// The artifact is stored and compiled.
        Store = "store",
        /// The deploy list is collected and checked.
        Collect = "collect",
        /// `subscription-props` run.
        Props = "props",
        /// The difference to what is live is computed.
        Plan = "plan",
        /// It is made live.
        Apply = "apply",
        /// Subscriptions are brought in step.
        Settle = "settle",
    }
}

stable_enum! {
    /// How a stage ended.
    pub enum StageStatus {
        /// As it should.
        Done = "done",
        /// With steps not done.
        Incomplete = "incomplete",
        /// With an error.
        Failed = "failed",
    }
}

stable_enum! {
    /// How weighty a line of a log is.
    pub enum LogLevel {
        /// Finest detail.
        Trace = "trace",
        /// Detail.
        Debug = "debug",
        /// What happens.
        Info = "info",
        /// What may be wrong.
        Warn = "warn",
        /// What is wrong.
        Error = "error",
    }
}
