//! The loop: takes what happens, lets the flow decide, and does that.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{EnvironmentName, ObjectKind, ProjectName};
use engine::{
    ActionRun, Atomicity, Build, BuildProfile, DeployError, DeployReport, DeployRequest, Disabled,
    FinishedBuild, LeaseWait, Owner, Removal, RunError, RunReport, Source,
};
use futures::stream::{FuturesUnordered, StreamExt as _};
use server::Server;
use watch::{Changes, ProjectFile, WatchError, Watcher, find_project};

use super::super::run::conclude as show_run;
use super::flow::{Effect, Flow, Input, Insistence};
use super::keys::{Keys, Typed};
use super::output::{Meaning, Output};
use super::tell::Tell;
use super::{GRACE, Outcome};
use crate::context::Context;
use crate::error::CliError;
use crate::input::action_input;
use crate::outcome::{Ending, deploy_error};
use crate::progress::Progress;
use crate::signals::{Interrupt, continued};

/// How long a deploy waits for steps that are to be tried again; they go on
/// while the loop stays.
const PATIENCE: Duration = Duration::from_secs(1);

type Doing<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Deployed = Result<Option<DeployReport>, DeployError>;

/// What somebody is being asked.
enum Question {
    /// Which action to run.
    Action,
    /// With which input.
    Input(String),
}

/// The loop's state.
pub(super) struct Looping<'a> {
    tell: Tell<'a>,
    context: &'a Context,
    owner: Arc<Owner>,
    progress: Arc<Progress>,
    environment: EnvironmentName,
    project: ProjectFile,
    build: Arc<dyn Build>,
    watcher: Watcher,
    keys: Option<Keys>,
    question: Option<Question>,
    flow: Flow<Timed>,
    building: Option<Doing<Timed>>,
    deploying: Option<Doing<(Deployed, Timing)>>,
    runs: FuturesUnordered<Doing<Result<RunReport, RunError>>>,
    output: Output,
    /// When the last build ended.
    built_at: Option<Instant>,
    /// When the change was made that is being built.
    since: Instant,
    page: String,
    /// Why the loop cannot go on.
    failure: Option<CliError>,
}

/// A build with the instant of the change that it is of.
#[derive(Debug)]
pub(super) struct Timed {
    build: FinishedBuild,
    since: Instant,
}

/// How long things took since the change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing {
    pub(super) since: Instant,
    pub(super) build: Duration,
}

impl<'a> Looping<'a> {
    pub(super) fn new(
        context: &'a Context,
        owner: Arc<Owner>,
        progress: Arc<Progress>,
        environment: EnvironmentName,
        project: ProjectFile,
        watcher: Watcher,
    ) -> Self {
        let tell = Tell::new(context, Arc::clone(&owner), environment.clone());
        let keys = if context.shell.is_json() {
            None
        } else {
            Keys::take()
        };
        Self {
            tell,
            context,
            owner,
            progress,
            environment,
            build: Arc::from(watch::build_of(&project)),
            project,
            watcher,
            keys,
            question: None,
            flow: Flow::new(),
            building: None,
            deploying: None,
            runs: FuturesUnordered::new(),
            output: Output::default(),
            built_at: None,
            since: Instant::now(),
            page: String::new(),
            failure: None,
        }
    }

    /// Tells where the project is served.
    pub(super) fn tell_addresses(&mut self, server: &Server) {
        self.page = format!("http://{}", server.api_addr());
        self.tell
            .addresses(&self.project.name, &self.page, server.ingress_addr());
    }

    /// Runs until somebody ends it.
    pub(super) async fn run(
        mut self,
        mut ended: Pin<&mut impl Future<Output = Interrupt>>,
    ) -> Outcome {
        let mut resumed = continued();
        let mut ending = self.follow(Input::Changed);
        while !ending {
            let input = tokio::select! {
                biased;
                _ = &mut ended => Some(Input::Stop),
                () = resumed.next() => self.renew_keys(),
                key = typed(&mut self.keys) => self.typed(key).await,
                built = finished(&mut self.building) => self.built(built),
                over = finished(&mut self.deploying) => self.deployed(over).await,
                changes = self.watcher.changed() => self.changed(changes),
                Some(run) = self.runs.next() => self.ran(run),
            };
            if let Some(input) = input {
                ending = self.follow(input);
            }
        }
        // The terminal is the shell's again while the last deploy ends.
        self.keys = None;
        self.finish_deploy().await;
        self.failure.map_or(Ok(Ending::Done), Err)
    }

    /// Does what the flow decides; returns whether the loop is to end.
    fn follow(&mut self, input: Input<Timed>) -> bool {
        let mut ending = false;
        for effect in self.flow.handle(input) {
            match effect {
                // Dropping it ends every process that it started.
                Effect::CancelBuild => {
                    self.building = None;
                    self.output.cancelled();
                }
                Effect::Build => self.building = Some(self.start_build()),
                Effect::Deploy(built, insistence) => {
                    self.deploying = Some(self.start_deploy(built, insistence));
                }
                Effect::End => ending = true,
            }
        }
        if !ending && self.flow.is_idle() && self.question.is_none() {
            self.context.shell.still();
        }
        ending
    }

    fn start_build(&self) -> Doing<Timed> {
        let (owner, build) = (Arc::clone(&self.owner), Arc::clone(&self.build));
        let (progress, since) = (Arc::clone(&self.progress), self.since);
        let building = self.watcher.building();
        Box::pin(async move {
            let build = owner
                .build_now(build.as_ref(), BuildProfile::Dev, progress.as_ref())
                .await;
            building.finished();
            Timed { build, since }
        })
    }

    fn start_deploy(&self, built: Timed, insistence: Insistence) -> Doing<(Deployed, Timing)> {
        let timing = Timing {
            since: built.since,
            build: built.build.took,
        };
        let request = DeployRequest {
            project: self.project.name.clone(),
            environment: self.environment.clone(),
            source: Source::Built(built.build),
            version: None,
            description: None,
            atomic: Atomicity::Plain,
            lease: LeaseWait::Wait,
            settle_timeout: PATIENCE,
            removal: Removal::Confirm,
        };
        let (owner, progress) = (Arc::clone(&self.owner), Arc::clone(&self.progress));
        Box::pin(async move {
            let deployed = match insistence {
                Insistence::OnlyChanges => owner.deploy_changes(request, progress.as_ref()).await,
                Insistence::Always => owner.deploy(request, progress.as_ref()).await.map(Some),
            };
            (deployed, timing)
        })
    }

    async fn deployed(&mut self, (deployed, timing): (Deployed, Timing)) -> Option<Input<Timed>> {
        self.context.shell.still();
        let project = &self.project.name;
        match deployed {
            Ok(Some(report)) => self.tell.deployed(&report, timing),
            Ok(None) => self.tell.unchanged(project, timing).await,
            Err(error) => self.tell.failed(project, deploy_error(error)).await,
        }
        self.tell.keep_status(project, &self.page).await;
        Some(Input::Deployed)
    }

    fn changed(&mut self, changes: Result<Changes, WatchError>) -> Option<Input<Timed>> {
        let changes = match changes {
            Ok(changes) => changes,
            Err(error) => {
                self.failure = Some(super::watch_error(&error));
                return Some(Input::Stop);
            }
        };
        if self.owner.is_lost() && !changes.gone {
            self.failure = Some(super::lost());
            return Some(Input::Stop);
        }
        if changes.gone {
            self.tell.gone(&self.project.root);
            return None;
        }
        if self.is_output(&changes) {
            return None;
        }
        self.since = changes.first_seen;
        self.tell.changed(&changes);
        if changes.project_file && !self.read_project() {
            return None;
        }
        Some(Input::Changed)
    }

    /// Returns whether a change is one that the build made itself.
    fn is_output(&mut self, changes: &Changes) -> bool {
        let building = self.building.is_some();
        let late = self.built_at.is_some_and(|at| changes.first_seen <= at);
        if !building && !late {
            return false;
        }
        match self.output.changed(changes) {
            Meaning::Source => false,
            Meaning::NewOutput => {
                self.tell.output(changes);
                building
            }
            Meaning::Output => building || !self.output.differs(&self.project.root),
        }
    }

    fn built(&mut self, built: Timed) -> Option<Input<Timed>> {
        self.built_at = Some(Instant::now());
        if self.output.ended(&self.project.root) {
            // What is among the output may be somebody's change after all.
            let _ = self.follow(Input::Built(built));
            self.since = Instant::now();
            return Some(Input::Changed);
        }
        Some(Input::Built(built))
    }

    /// Reads the project file anew; what is wrong with it is told, and the loop goes on.
    fn read_project(&mut self) -> bool {
        match find_project(&self.project.root) {
            Ok(project) => {
                if project.limits != self.project.limits {
                    self.tell.limits_changed();
                }
                self.build = Arc::from(watch::build_of(&project));
                self.watcher.follow(&project);
                self.project = project;
                true
            }
            Err(error) => {
                self.context.shell.still();
                self.context
                    .shell
                    .error(&crate::context::project_error(error));
                false
            }
        }
    }

    fn ran(&mut self, run: Result<RunReport, RunError>) -> Option<Input<Timed>> {
        self.context.shell.still();
        match run {
            Ok(report) => {
                let _ = show_run(self.context, &report);
            }
            Err(error) => self.context.shell.error(&error.into()),
        }
        None
    }

    /// Lets the deploy under way end, so that nothing is left half done.
    async fn finish_deploy(&mut self) {
        if let Some(deploying) = self.deploying.take() {
            self.context
                .shell
                .note("the deploy under way is finished first");
            if let Ok((deployed, timing)) = tokio::time::timeout(GRACE, deploying).await {
                self.deploying = None;
                let _ = self.deployed((deployed, timing)).await;
            }
        }
    }
}

impl Looping<'_> {
    fn renew_keys(&mut self) -> Option<Input<Timed>> {
        if let Some(keys) = &self.keys {
            keys.renew();
        }
        None
    }

    async fn typed(&mut self, typed: Option<Typed>) -> Option<Input<Timed>> {
        match typed {
            None => {
                self.keys = None;
                self.question = None;
                None
            }
            Some(Typed::Line(line)) => {
                self.answered(&line).await;
                None
            }
            Some(Typed::Key(key)) => self.pressed(key).await,
        }
    }

    async fn pressed(&mut self, key: char) -> Option<Input<Timed>> {
        let shell = &self.context.shell;
        match key {
            'd' => {
                self.since = Instant::now();
                return Some(Input::Again);
            }
            'q' => return Some(Input::Stop),
            'r' => self.ask_action().await,
            'o' => self.tell.open(&self.page),
            'l' => self.tell.verbose(self.progress.toggle()),
            'c' => shell.clear(),
            'h' | '?' => self.tell.help(),
            _ => {}
        }
        None
    }

    async fn ask_action(&mut self) {
        let names = match self.actions(&self.project.name).await {
            Ok(names) => names,
            Err(error) => {
                self.context.shell.error(&error.into());
                return;
            }
        };
        match names.as_slice() {
            [] => self.context.shell.note("no action is live"),
            [only] => self.ask_input(only.clone()),
            several => {
                self.ask(
                    Question::Action,
                    &format!("which action ({})?", several.join(", ")),
                );
            }
        }
    }

    async fn actions(&self, project: &ProjectName) -> Result<Vec<String>, engine::ReadError> {
        let kind = Some(ObjectKind::Action);
        let objects = self
            .owner
            .objects(project, &self.environment, kind, Disabled::Without)
            .await?;
        Ok(objects.into_iter().map(|object| object.name).collect())
    }

    fn ask_input(&mut self, action: String) {
        let question = format!("input of {action}, in JSON [{{}}]?");
        self.ask(Question::Input(action), &question);
    }

    /// Asks, and takes the next line for the answer; an empty one takes the question back.
    fn ask(&mut self, question: Question, text: &str) {
        self.context.shell.pause();
        self.context.shell.note(text);
        self.question = Some(question);
        if let Some(keys) = &self.keys {
            keys.by_line();
        }
    }

    async fn answered(&mut self, line: &str) {
        if let Some(keys) = &self.keys {
            keys.one_by_one();
        }
        match self.question.take() {
            Some(Question::Action) if !line.is_empty() => self.ask_input(line.to_owned()),
            Some(Question::Input(action)) => self.run_action(action, line),
            Some(Question::Action) | None => {}
        }
        if self.question.is_none() {
            self.context.shell.still();
        }
    }

    fn run_action(&mut self, action: String, line: &str) {
        let input = match action_input(if line.is_empty() { "{}" } else { line }) {
            Ok(input) => input,
            Err(error) => {
                self.context.shell.error(&error);
                return;
            }
        };
        let request = ActionRun {
            project: self.project.name.clone(),
            environment: self.environment.clone(),
            action,
            input,
        };
        let owner = Arc::clone(&self.owner);
        self.runs
            .push(Box::pin(async move { owner.run(request).await }));
    }
}

/// Waits for the end of what is under way, for ever if nothing is.
async fn finished<T>(doing: &mut Option<Doing<T>>) -> T {
    match doing {
        Some(future) => {
            let value = future.await;
            *doing = None;
            value
        }
        None => std::future::pending().await,
    }
}

/// Waits for what is typed, for ever where nothing can be.
async fn typed(keys: &mut Option<Keys>) -> Option<Typed> {
    match keys {
        Some(keys) => keys.next().await,
        None => std::future::pending().await,
    }
}
