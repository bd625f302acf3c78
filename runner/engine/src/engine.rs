//! The engine itself: what it holds, how it is opened, and how it becomes the owner.

use std::collections::HashMap;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::{EnvironmentName, Limits, Place, ProjectName};
use sandbox::{Sandbox, Settings as SandboxSettings};
use store::{DataDir, KeySource, Ownership, Recovered, Store};
use tokio::sync::{Mutex as AsyncMutex, OnceCell, RwLock};

use crate::build::BuildProfile;
use crate::clock::{Clock, SystemClock};
use crate::error::{OpenError, OwnError, ReadError};
use crate::guests::Guests;
use crate::ingress::{Ingress, IngressLimits};
use crate::limits::OperatorLimits;
use crate::lists::Lists;
use crate::probe::{Probe, Unprobed};
use crate::runs::UnderWay;

/// How many components a dev loop keeps in memory: the last versions of one
/// project, most of which nobody asks for again.
const LOADED_IN_DEV: usize = 4;

/// How an engine is set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The data directory; it is made if it is not there.
    pub data_dir: PathBuf,
    /// Who acts, for the audit log.
    pub actor: String,
    /// The command that runs, for others who find the data directory owned.
    pub command: String,
    /// How much compiling what runs may take for faster code.
    pub profile: BuildProfile,
    /// What the project lowers the operator's limits to.
    pub project_limits: Limits,
    /// How long after an uncertainty is resolved it is looked once more, for a
    /// request that was still under way.
    pub recheck_after: Duration,
    /// What the webhooks' ingress allows.
    pub ingress: IngressLimits,
}

impl Settings {
    /// Returns settings with the usual limits.
    #[must_use]
    pub fn new(
        data_dir: impl Into<PathBuf>,
        actor: impl Into<String>,
        command: impl Into<String>,
    ) -> Self {
        Self {
            data_dir: data_dir.into(),
            actor: actor.into(),
            command: command.into(),
            profile: BuildProfile::Release,
            project_limits: Limits::unlimited(),
            recheck_after: Duration::from_secs(3),
            ingress: IngressLimits::default(),
        }
    }
}

/// What a test puts in the place of the host's clock, the sandbox and fate.
#[derive(Clone)]
pub struct Parts {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The guests; the sandbox if none.
    pub guests: Option<Arc<dyn Guests>>,
    /// What is told of every point at which a crash would matter.
    pub probe: Arc<dyn Probe>,
    /// What plans; a test that has to find a planner's faults plants one.
    pub planner: Planner,
}

/// Plans a deploy, as [`domain::plan`] does.
pub type Planner = fn(&domain::Snapshot, &domain::Desired<'_>) -> domain::Plan;

impl Default for Parts {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock::default()),
            guests: None,
            probe: Arc::new(Unprobed),
            planner: domain::plan,
        }
    }
}

/// The use cases that only read. Clones share everything.
#[derive(Clone)]
pub struct Engine {
    pub(crate) settings: Arc<Settings>,
    pub(crate) limits: OperatorLimits,
    pub(crate) dir: DataDir,
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) probe: Arc<dyn Probe>,
    pub(crate) planner: Planner,
    guests: Arc<OnceCell<Arc<dyn Guests>>>,
    gates: PerPlace<RwLock<()>>,
    /// Whoever runs the steps of a place holds its lock: one at a time.
    pub(crate) settling: PerPlace<AsyncMutex<()>>,
    /// Whoever reconfigures a place holds its lock, so that changes that wait for one merge.
    pub(crate) reconfiguring: PerPlace<AsyncMutex<()>>,
    pub(crate) under_way: UnderWay,
    pub(crate) lists: Lists,
    pub(crate) ingress: Arc<Ingress>,
}

/// Something that each place has one of.
pub(crate) struct PerPlace<T>(Arc<Mutex<HashMap<Place, Arc<T>>>>);

impl<T> Clone for PerPlace<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for PerPlace<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Default> PerPlace<T> {
    pub(crate) fn of(&self, place: Place) -> Arc<T> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(place).or_default())
    }
}

impl Engine {
    /// Opens a data directory.
    ///
    /// # Errors
    /// When the directory, its key or its database cannot be used.
    pub async fn open(settings: Settings) -> Result<Self, OpenError> {
        Self::with_parts(settings, Parts::default()).await
    }

    /// Opens a data directory with other parts than the usual ones.
    ///
    /// # Errors
    /// When the directory, its key or its database cannot be used.
    pub async fn with_parts(settings: Settings, parts: Parts) -> Result<Self, OpenError> {
        let dir = DataDir::open(&settings.data_dir, &KeySource::File)?;
        let operator = OperatorLimits::read(dir.path())?;
        let limits = OperatorLimits {
            collect: operator.collect.lower_to(&settings.project_limits),
            operations: operator.operations.lower_to(&settings.project_limits),
        };
        let store = Store::open(&dir).await?;
        let ingress = Arc::new(Ingress::new(settings.ingress, store.clone()));
        Ok(Self {
            settings: Arc::new(settings),
            limits,
            dir,
            store,
            clock: parts.clock,
            probe: parts.probe,
            planner: parts.planner,
            guests: Arc::new(OnceCell::new_with(parts.guests)),
            gates: PerPlace::default(),
            settling: PerPlace::default(),
            reconfiguring: PerPlace::default(),
            under_way: UnderWay::default(),
            lists: Lists::default(),
            ingress,
        })
    }

    /// Becomes the owner of the data directory and recovers what a dead process left.
    ///
    /// # Errors
    /// When another process owns it for longer than `wait`, or the recovery fails.
    pub async fn own(&self, wait: Duration) -> Result<Owner, OwnError> {
        let ownership = self.dir.lock(&self.settings.command, wait).await?;
        let recovered = self
            .store
            .recover(self.clock.now())
            .await
            .map_err(OwnError::Recover)?;
        self.give_addresses(None).await.map_err(OwnError::Recover)?;
        Ok(Owner {
            engine: self.clone(),
            recovered,
            ownership,
        })
    }
}

impl Engine {
    /// Returns the guests, setting the sandbox up when it is first needed.
    pub(crate) async fn guests(&self) -> Result<&Arc<dyn Guests>, sandbox::OpenError> {
        self.guests
            .get_or_try_init(|| async {
                let mut settings = SandboxSettings::new(self.dir.cache(), self.dir.cache_key());
                if self.settings.profile == BuildProfile::Dev {
                    settings.loaded = LOADED_IN_DEV;
                }
                let sandbox = Sandbox::open(settings)?;
                Ok(Arc::new(sandbox) as Arc<dyn Guests>)
            })
            .await
    }

    /// Returns the gate of a place: steps pass it as readers, a deploy from plan
    /// to apply as the writer, so that none starts meanwhile and running ones are awaited.
    pub(crate) fn gate(&self, place: Place) -> Arc<RwLock<()>> {
        self.gates.of(place)
    }

    pub(crate) async fn environment(
        &self,
        name: &EnvironmentName,
    ) -> Result<store::Environment, ReadError> {
        self.store
            .environment(name.clone())
            .await?
            .ok_or_else(|| ReadError::EnvironmentUnknown(name.clone()))
    }

    /// Finds the place of a project that there is.
    pub(crate) async fn place(
        &self,
        project: &ProjectName,
        environment: &EnvironmentName,
    ) -> Result<Place, ReadError> {
        let found = self
            .store
            .project(project.clone())
            .await?
            .ok_or_else(|| ReadError::ProjectUnknown(project.clone()))?;
        Ok(Place {
            project: found.id,
            environment: self.environment(environment).await?.id,
        })
    }

    /// Finds the place of a project, which comes into being if it is not there.
    pub(crate) async fn place_for(
        &self,
        project: &ProjectName,
        environment: &EnvironmentName,
    ) -> Result<Place, ReadError> {
        let environment = self.environment(environment).await?.id;
        let project = self
            .store
            .ensure_project(project.clone(), self.clock.now())
            .await?
            .id;
        Ok(Place {
            project,
            environment,
        })
    }

    /// Returns a count that changes with every write of this process; for the
    /// owner it tells of every change there is.
    #[must_use]
    pub fn commits(&self) -> tokio::sync::watch::Receiver<u64> {
        self.store.commits()
    }

    /// Returns the process that owns the data directory, if one does.
    #[must_use]
    pub fn holder(&self) -> Option<store::Holder> {
        self.dir.owner()
    }

    pub(crate) fn actor(&self) -> String {
        self.settings.actor.clone()
    }
}

/// The use cases that write: there is one owner of a data directory at a time.
///
/// Dropping it gives the data directory up.
pub struct Owner {
    engine: Engine,
    recovered: Recovered,
    ownership: Ownership,
}

impl Owner {
    /// Returns what a dead process had left.
    #[must_use]
    pub const fn recovered(&self) -> &Recovered {
        &self.recovered
    }

    /// Returns whether the data directory was taken away or replaced, so that
    /// what this owner writes is seen by nobody.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.ownership.is_lost()
    }

    /// Tells other processes at which address this one takes requests.
    ///
    /// # Errors
    /// When the lock file cannot be written.
    pub fn announce(&self, address: &str) -> std::io::Result<()> {
        self.ownership.announce(address)
    }
}

impl Deref for Owner {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        &self.engine
    }
}
