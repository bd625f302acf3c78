//! The public door: load, collect, call.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use domain::ArtifactDigest;
use domain::Limits;
use domain::declare::{DeployList, Finding};
use tokio::sync::Semaphore;

use crate::cache::{Cache, CacheError};
use crate::call::{Call, Report, Usage};
use crate::component::{Compiler, Component};
use crate::engine::Runtime;
use crate::failure::Failure;
use crate::grants::Grants;
use crate::http::{Network, Resolve, SystemResolver, Tls};
use crate::load::{LoadError, Loaded, load, load_in_place};
use crate::log::Log;
use crate::operation::Collect;
use crate::run::{self, Host};
use crate::symbols::Symbols;
use crate::ticker::Ticker;

/// How a sandbox is set up.
#[derive(Clone)]
pub struct Settings {
    /// Where compiled code is kept; the directory must be the user's alone.
    pub cache_dir: PathBuf,
    /// What compiled code is authenticated with. It must be secret, random and
    /// the same at the next start.
    pub cache_key: [u8; 32],
    /// How many operations run at once; more wait. Each slot reserves about
    /// 16 GiB of address space, and memory only as it is used.
    pub slots: u32,
    /// How many components stay in memory.
    pub loaded: usize,
    /// What resolves names for guests; the operating system's resolver if `None`.
    pub resolver: Option<Arc<dyn Resolve>>,
}

impl Settings {
    /// Creates settings with the usual numbers.
    #[must_use]
    pub fn new(cache_dir: impl Into<PathBuf>, cache_key: [u8; 32]) -> Self {
        Self {
            cache_dir: cache_dir.into(),
            cache_key,
            slots: 64,
            loaded: 64,
            resolver: None,
        }
    }
}

/// Says why a sandbox cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The cache cannot be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The engine cannot be made.
    #[error(
        "the WebAssembly engine cannot be started with {slots} slots: {message}; \
         a limit on address space (ulimit -v) is the usual cause"
    )]
    Engine {
        /// The slots asked for.
        slots: u32,
        /// Why.
        message: String,
    },
    /// The thread that interrupts guests cannot be started.
    #[error("the thread that interrupts guests cannot be started")]
    Thread(#[source] std::io::Error),
}

/// Runs guests under limits. Clones share everything.
#[derive(Clone)]
pub struct Sandbox(Arc<Inner>);

struct Inner {
    slots: u32,
    optimizing: Arc<Runtime>,
    /// Made when it is first asked for; `None` where this machine has no such compiler.
    fast: OnceLock<Option<Arc<Runtime>>>,
    cache: Cache,
    compile_permit: Mutex<()>,
    loaded: Loaded,
    host: Host,
}

/// What `collect` returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collected {
    /// What the component declares, as it gave it.
    pub list: DeployList,
    /// What it logged.
    pub log: Log,
    /// What it used.
    pub usage: Usage,
}

/// Says why there is no deploy list; the log says what the guest printed before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CollectError {
    /// The guest found its own declarations wrong.
    #[error("the component declares what it may not: {} findings", findings.len())]
    Findings {
        /// What is wrong, and where.
        findings: Vec<Finding>,
        /// What the guest logged.
        log: Log,
    },
    /// It could not be run to its end.
    #[error("`collect` failed: {failure}")]
    Failed {
        /// Why.
        failure: Failure,
        /// What the guest logged.
        log: Log,
    },
}

impl Sandbox {
    /// Opens a sandbox: makes the engine and checks the cache's directory.
    ///
    /// # Errors
    /// If the cache is not private, or the engine cannot reserve its address space.
    pub fn open(settings: Settings) -> Result<Self, OpenError> {
        let cache = Cache::open(&settings.cache_dir, settings.cache_key)?;
        let slots = settings.slots.max(1);
        let optimizing =
            Runtime::new(Compiler::Optimizing, slots).map_err(|error| OpenError::Engine {
                slots,
                message: format!("{error:#}"),
            })?;
        let ticker = Ticker::start().map_err(OpenError::Thread)?;
        ticker.watch(&optimizing.engine);
        let resolver = settings
            .resolver
            .unwrap_or_else(|| Arc::new(SystemResolver::default()));
        Ok(Self(Arc::new(Inner {
            slots,
            optimizing: Arc::new(optimizing),
            fast: OnceLock::new(),
            cache,
            compile_permit: Mutex::new(()),
            loaded: Loaded::new(settings.loaded),
            host: Host {
                ticker,
                permits: Arc::new(Semaphore::new(slots as usize)),
                network: Network {
                    resolver,
                    tls: Tls::default(),
                },
                symbols: Symbols::default(),
            },
        })))
    }

    /// Loads a component: from memory, from the cache of compiled code, or by compiling it.
    ///
    /// `file` is the stored artifact; it must stay where it is for as long as
    /// the component is used.
    ///
    /// # Errors
    /// If it is not a component of a supported contract, or cannot be read or compiled.
    pub async fn load(
        &self,
        artifact: ArtifactDigest,
        file: &Path,
        compiler: Compiler,
    ) -> Result<Arc<Component>, LoadError> {
        let cell = self.0.loaded.cell(artifact, compiler);
        let mut place = cell.lock().await;
        if let Some(component) = &*place {
            return Ok(Arc::clone(component));
        }
        let runtimes = self.0.runtimes(compiler);
        let component = match load_in_place(&self.0.cache, &runtimes, artifact, file) {
            Some(component) => component,
            None => self.load_elsewhere(runtimes, artifact, file).await?,
        };
        let component = Arc::new(component);
        *place = Some(Arc::clone(&component));
        Ok(component)
    }

    async fn load_elsewhere(
        &self,
        runtimes: Vec<Arc<Runtime>>,
        artifact: ArtifactDigest,
        file: &Path,
    ) -> Result<Component, LoadError> {
        let inner = Arc::clone(&self.0);
        let file = file.to_owned();
        tokio::task::spawn_blocking(move || {
            let (cache, permit) = (&inner.cache, &inner.compile_permit);
            load(cache, &runtimes, permit, artifact, &file)
        })
        .await
        .map_err(|error| LoadError::Host(error.to_string()))?
    }

    /// Removes what was compiled from an artifact, in memory and on disk.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn forget(&self, artifact: ArtifactDigest) -> std::io::Result<()> {
        self.0.loaded.forget(artifact);
        self.0.cache.forget(artifact)
    }

    /// Asks a component what it declares. The same artifact gives the same answer, always.
    ///
    /// # Errors
    /// If the guest reports errors of its own, or cannot be run to its end.
    pub async fn collect(
        &self,
        component: &Component,
        limits: &Limits,
    ) -> Result<Collected, CollectError> {
        let grants = Grants::new("the project", *limits);
        let ran = run::run(&self.0.host, component, Collect, grants).await;
        let log = ran.log;
        match ran.outcome {
            Ok(Ok(list)) => Ok(Collected {
                list,
                log,
                usage: ran.usage,
            }),
            Ok(Err(findings)) => Err(CollectError::Findings { findings, log }),
            Err(failure) => Err(CollectError::Failed { failure, log }),
        }
    }

    /// Runs one operation in a fresh instance.
    ///
    /// Dropping the future stops the guest and frees its slot; what was sent
    /// until then can be read from a clone of [`Grants::requests`].
    pub async fn call(&self, component: &Component, call: Call, grants: Grants) -> Report {
        let requests = grants.requests.clone();
        let ran = run::run(&self.0.host, component, call, grants).await;
        Report {
            outcome: ran.outcome,
            usage: ran.usage,
            requests: requests.records(),
            log: ran.log,
            kv_writes: ran.kv_writes,
        }
    }

    /// Returns how many operations could start without waiting.
    #[must_use]
    pub fn free_slots(&self) -> usize {
        self.0.host.permits.available_permits()
    }
}

impl Inner {
    /// Returns the runtimes whose code will do, best first.
    fn runtimes(&self, compiler: Compiler) -> Vec<Arc<Runtime>> {
        compiler
            .acceptable()
            .iter()
            .filter_map(|compiler| match compiler {
                Compiler::Optimizing => Some(Arc::clone(&self.optimizing)),
                Compiler::Fast => self.fast.get_or_init(|| self.start_fast()).clone(),
            })
            .collect()
    }

    fn start_fast(&self) -> Option<Arc<Runtime>> {
        match Runtime::new(Compiler::Fast, self.slots) {
            Ok(runtime) => {
                self.host.ticker.watch(&runtime.engine);
                Some(Arc::new(runtime))
            }
            Err(error) => {
                tracing::info!(%error, "this machine has no fast compiler");
                None
            }
        }
    }
}
