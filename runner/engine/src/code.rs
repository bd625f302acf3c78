//! The stable code of every error, with its exit code and its explanation.

use std::fmt;

/// Why a program ends, as its exit code tells a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// What was asked for was tried and failed.
    Failed = 1,
    /// It was asked for in a wrong way.
    Usage = 2,
    /// A gate says no.
    Gate = 3,
    /// A person has to say something first.
    InputNeeded = 4,
    /// Somebody else is at it, or was.
    Conflict = 5,
    /// It cannot be told yet.
    Undecided = 6,
    /// It is live, but steps are not done.
    StepsNotDone = 7,
}

/// Declares the codes: name, exit code, explanation.
macro_rules! codes {
    ($( $variant:ident = $name:literal, $exit:ident, $explanation:literal; )+) => {
        /// The stable code of an error.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(
                #[doc = $explanation]
                $variant,
            )+
        }

        impl Code {
            /// All codes, in the order of their areas.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            /// Returns the code as people and scripts see it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $name, )+ }
            }

            /// Returns the exit code that goes with it.
            #[must_use]
            pub const fn exit(self) -> Exit {
                match self { $( Self::$variant => Exit::$exit, )+ }
            }

            /// Explains what it means and what to do.
            #[must_use]
            pub const fn explanation(self) -> &'static str {
                match self { $( Self::$variant => $explanation, )+ }
            }

            /// Returns the code with this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|code| code.as_str() == name)
            }
        }
    };
}

codes! {
    ProjectNotFound = "project-not-found", Usage,
        "No tidegate.toml was found in the directory given or above it, and no project was named. Give the project's directory, or run `tidegate new NAME` to make one.";
    ProjectUnknown = "project-unknown", Usage,
        "The store holds no project of that name. A project comes into being at its first deploy, or when a value is set for it from its directory.";
    ProjectFileInvalid = "project-file-invalid", Usage,
        "tidegate.toml could not be understood. The message names the line; unknown keys are errors, so that a misspelt one is not silently without effect.";
    LimitsInvalid = "limits-invalid", Usage,
        "limits.toml in the data directory, where an operator sets the limits of guests, could not be understood. Its tables are [collect] and [operations]; their keys are those of [limits] in tidegate.toml.";
    NameInvalid = "name-invalid", Usage,
        "Names have 1 to 64 letters, digits, `-` and `_`. Letters outside ASCII are refused because some look like others.";
    UsageInvalid = "usage-invalid", Usage,
        "The command was given something that it cannot work with; the message says what. `tidegate COMMAND --help` shows what it takes.";
    EnvironmentBuiltIn = "environment-built-in", Usage,
        "`development`, `staging` and `production` exist from the start and cannot be deleted.";
    EnvironmentUnknown = "environment-unknown", Usage,
        "The store holds no environment of that name. `tidegate env list` shows those there are; `tidegate env create NAME` makes one.";
    EnvironmentRequired = "environment-required", Usage,
        "The project is live in no environment or in several, so the command cannot choose one. Say which with `--env NAME`.";
    EnvironmentExists = "environment-exists", Conflict,
        "There is an environment of that name already.";
    EnvironmentInUse = "environment-in-use", Conflict,
        "The environment still holds live objects or registrations. Deploy an empty list there or let its subscriptions end first, or use `--force`, which forgets registrations and lists them.";
    ObjectUnknown = "object-unknown", Usage,
        "The project has no object of that kind and name live in the environment. `tidegate objects list` shows what there is.";
    EventUnknown = "event-unknown", Usage,
        "No app event of that name is live in the environment. A project that declares it has to be deployed there; `tidegate objects list` shows what there is.";
    DeployUnknown = "deploy-unknown", Usage,
        "There is no deploy of that number in the environment. `tidegate deploys list` shows those there are.";
    ArtifactUnknown = "artifact-unknown", Usage,
        "The store holds no artifact of that digest, or no longer does. `tidegate artifacts list` shows those there are.";
    ArtifactMismatch = "artifact-mismatch", Failed,
        "What was uploaded does not have the digest that it was uploaded under: it was damaged on its way, or is another component. Upload it again.";
    RunUnknown = "run-unknown", Usage,
        "The store holds no run of that id, or no longer does. `tidegate runs list` shows those there are.";
    RegistrationUnknown = "registration-unknown", Usage,
        "There is no registration of that id, or of that webhook, in the environment. `tidegate subscriptions list` shows those there are.";
    DeliveryUnknown = "delivery-unknown", Usage,
        "The store holds no delivery of that id, or no longer its content, which goes with its last run. `tidegate deliveries list` shows those there are.";
    AddressMissing = "address-missing", Usage,
        "The webhook has no address at which deliveries come: it is not subscribed yet, or each connected user has an address and none was named. `tidegate subscriptions list` shows how its subscriptions stand.";
    SigningKeyUnusable = "signing-key-unusable", Failed,
        "The key that signs the webhook's deliveries is empty, not of the form that its scheme has, or a public key, which verifies and cannot sign. Set the secret to the key as the provider shows it.";
    ValueUnknown = "value-unknown", Usage,
        "No secret or variable of that name is set in the environment.";
    ValueNeeded = "value-needed", Conflict,
        "A registration at a third party can only be ended with this value. End the subscription first, or use `--force`: its steps then wait until the value is set again.";
    InputInvalid = "input-invalid", Usage,
        "The input does not match the action's input schema; the message names each field. `tidegate objects show action NAME` shows the schema.";
    InputNeeded = "input-needed", InputNeeded,
        "The command needs a decision that it would ask for on a terminal. The message names the flag that gives it.";
    RemovesEverything = "removes-everything", InputNeeded,
        "The project declares nothing, so the deploy would disable every object. If that is meant, use `--allow-remove-all`.";
    NothingLive = "nothing-live", Usage,
        "Nothing is live in the environment yet. Deploy there first.";
    NothingToRollBackTo = "nothing-to-roll-back-to", Usage,
        "No earlier deploy with another artifact was live in the environment. Name one with `--to DEPLOY`.";
    BuildFailed = "build-failed", Failed,
        "The project's build command failed; what it printed stands above. Nothing changed.";
    BuildTimedOut = "build-timed-out", Failed,
        "The project's build command did not end in its time and was stopped. Nothing changed. `[build] timeout_seconds` in tidegate.toml sets the time.";
    ArtifactDamaged = "artifact-damaged", Failed,
        "The stored file of the artifact has other bytes than its digest names. Deploy the source it came from again, which stores it anew.";
    DataDirectoryLost = "data-directory-lost", Failed,
        "The data directory was removed or replaced while a process owned it. Nothing more is written to it; start the command again, which makes a new one or takes the one that is there.";
    WatchFailed = "watch-failed", Failed,
        "The project's files cannot be watched for changes; the message says why and what to do. What is live stays live.";
    ListenFailed = "listen-failed", Failed,
        "No port of loopback could be listened on, or others could not be told of it. `tidegate dev --port N` tries N and the ports after it.";
    ComponentMissing = "component-missing", Failed,
        "The build ended well but left no component where it was looked for. `component` in tidegate.toml names its path.";
    ToolMissing = "tool-missing", Failed,
        "Something that the build needs is not installed; the message says what and how to get it.";
    ComponentInvalid = "component-invalid", Failed,
        "The file is not a WebAssembly component that can be compiled: not WebAssembly, a core module, truncated, or too large. Nothing changed.";
    ContractUnsupported = "contract-unsupported", Failed,
        "The component exports no version of the guest contract that this program supports. The message names both versions; build with an SDK of the right version, or use another version of tidegate.";
    ImportUnsupported = "import-unsupported", Failed,
        "The component imports something that the host does not offer. Only the contract's own interfaces and WASI's io, clocks, random, cli, filesystem, sockets and http are.";
    CollectFailed = "collect-failed", Failed,
        "The project could not say what it declares: its `collect` trapped or went past a limit. Nothing changed; what was live stays live.";
    DeclarationInvalid = "declaration-invalid", Failed,
        "What the project declares has faults. All of them are listed, with file and line where the SDK knows them. Nothing changed.";
    PropsFailed = "props-failed", Failed,
        "`subscription-props` of a webhook failed. Nothing changed.";
    PlanStale = "plan-stale", Conflict,
        "What the plan was made from changed before it could be applied, three times over. Nothing changed; try again.";
    LeaseHeld = "lease-held", Conflict,
        "Another deploy to the same project and environment is under way. Wait for it, or, if its process is dead, `tidegate locks break`.";
    LeaseLost = "lease-lost", Conflict,
        "The deploy's lease was broken or ran out while it worked. Nothing changed unless the message says so.";
    DataDirectoryOwned = "data-directory-owned", Conflict,
        "Another process owns the data directory. The message names it. Wait for it to end, or stop it.";
    OwnerMissing = "owner-missing", Failed,
        "The command follows what another process does, and none is at work on the data directory. Start `tidegate dev` in another terminal.";
    OwnerGone = "owner-gone", Failed,
        "The process that owns the data directory ended before it had answered. What it had begun is put in order by the next command that writes; `tidegate status` shows what stands.";
    RequestInvalid = "request-invalid", Usage,
        "The request could not be understood: its path, its query or its body is not of the form that the API takes. The message says what is wrong with it.";
    RequestRefused = "request-refused", Failed,
        "The request may come from a web page that has no business here, so it was refused. Without tokens the API answers only under its own address on this machine, to no other origin, and takes changes only as `application/json`.";
    RequestTooLarge = "request-too-large", Usage,
        "The body of the request is larger than what is taken there.";
    PathUnknown = "path-unknown", Usage,
        "The API has nothing under that path, or not for that method.";
    RolledBack = "rolled-back", Failed,
        "A step failed and the deploy was made with `--atomic`, so it was undone: the deploy before is live again.";
    StepsNotDone = "steps-not-done", StepsNotDone,
        "The objects are live, but subscriptions at third parties are not all in step with them. `tidegate status` lists what is owed and when it is tried again.";
    RunFailed = "run-failed", Failed,
        "The guest returned an error, which the message holds.";
    RunUnfinished = "run-unfinished", Failed,
        "The run was not over when the command stopped waiting for it. It goes on, or is tried again; `tidegate runs show RUN` shows how it stands.";
    DeliveryRefused = "delivery-refused", Failed,
        "Whoever receives webhooks there did not take the delivery; the message says with which status. Providers are not told why, so an address that is not there and a signature that is not right look the same.";
    RunTrapped = "run-trapped", Failed,
        "The guest trapped: it panicked, exited or did something that WebAssembly forbids. The frames show where in its source.";
    LimitExceeded = "limit-exceeded", Failed,
        "The guest went past one of its limits. The message names the limit and its value; an operator sets limits, a project may only lower them.";
    Overloaded = "overloaded", Conflict,
        "More is asked of the project and environment than is done there at once. Nothing was started; try again in a moment.";
    RunInterrupted = "run-interrupted", Failed,
        "The process that ran it ended before the run did.";
    DiskFull = "disk-full", Failed,
        "The disk is full. Nothing was changed or lost; make room and try again.";
    DatabaseCorrupt = "database-corrupt", Failed,
        "The database is damaged. Nothing was written. `tidegate doctor` shows what is wrong; restore a backup if there is one.";
    DatabaseNewer = "database-newer", Failed,
        "The database was written by a newer version of tidegate. Use that version; this one leaves it alone.";
    DataDirectoryUnusable = "data-directory-unusable", Failed,
        "The data directory cannot be read or written. The message says what was tried; check its owner, its mode and whether the file system is read-only.";
    KeyUnusable = "key-unusable", Failed,
        "The key that secrets are encrypted with is missing, malformed, readable by others or not the one they were encrypted with.";
    StorageFailed = "storage-failed", Failed,
        "The database could not do what was asked. Nothing was changed.";
    SandboxFailed = "sandbox-failed", Failed,
        "The sandbox could not be set up on this machine. The message says why.";
    Internal = "internal", Failed,
        "The program found itself in a state that it should not be in. Please report it with the message.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An error that has a stable code and knows what to do next.
pub trait Coded: std::error::Error {
    /// Returns its code.
    fn code(&self) -> Code;

    /// Says what to do next, a sentence each.
    fn hints(&self) -> Vec<String> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_explained() {
        let names: std::collections::BTreeSet<_> =
            Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(code.explanation().ends_with('.'), "{code}");
            assert_eq!(Code::from_name(code.as_str()), Some(code));
        }
    }
}
