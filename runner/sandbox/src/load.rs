//! From a stored artifact to a component: memory, then the cache, then the compiler.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use domain::ArtifactDigest;
use tokio::sync::Mutex as AsyncMutex;

use crate::cache::{Cache, Entry};
use crate::component::{Compiler, Component};
use crate::engine::Runtime;
use crate::guest::Reach;
use crate::inspect::{Unfit, inspect};

/// The most bytes that an artifact may have.
pub const MAX_ARTIFACT: u64 = 64 * 1024 * 1024;

/// The most bytes of code that are loaded from the cache on the caller's own
/// thread: they take half a millisecond at most, and asking another thread
/// would add a tenth of one.
const LOADED_IN_PLACE: u64 = 1024 * 1024;

/// Says why an artifact cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The stored file cannot be read.
    #[error("the artifact {artifact} cannot be read from {}", path.display())]
    Read {
        /// The artifact.
        artifact: ArtifactDigest,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is too large to be compiled.
    #[error(
        "the component has {bytes} bytes, and at most {MAX_ARTIFACT} (64 MiB) are compiled; \
         build it in release mode, or strip its debug information"
    )]
    TooLarge {
        /// Its size.
        bytes: u64,
    },
    /// The stored file has other bytes than its name says.
    #[error("the stored artifact {artifact} is damaged: its bytes have the digest {found}")]
    OtherDigest {
        /// The artifact.
        artifact: ArtifactDigest,
        /// The digest of what is there.
        found: ArtifactDigest,
    },
    /// It is not a component that can run here.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// It cannot be compiled.
    #[error("the component cannot be compiled: {0}")]
    Compile(String),
    /// It has more core instances, memories or tables than a slot has room for.
    #[error("the component has too many parts: {0}")]
    Parts(String),
    /// Its imports or exports have other types than the contract says.
    #[error("the component does not fit the contract: {0}")]
    Mismatch(String),
    /// The host failed.
    #[error("the component cannot be loaded: {0}")]
    Host(String),
}

type Cell = Arc<AsyncMutex<Option<Arc<Component>>>>;

/// The components in memory; those used longest ago give way.
pub(crate) struct Loaded {
    capacity: usize,
    cells: Mutex<Cells>,
}

#[derive(Default)]
struct Cells {
    now: u64,
    by_key: HashMap<(ArtifactDigest, Compiler), (u64, Cell)>,
}

impl Loaded {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            cells: Mutex::default(),
        }
    }

    /// Returns the place of a component; whoever locks an empty one fills it.
    pub(crate) fn cell(&self, artifact: ArtifactDigest, compiler: Compiler) -> Cell {
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        cells.now += 1;
        let now = cells.now;
        let (used, cell) = cells.by_key.entry((artifact, compiler)).or_default();
        *used = now;
        let cell = Arc::clone(cell);
        if cells.by_key.len() > self.capacity {
            let oldest = cells
                .by_key
                .iter()
                .min_by_key(|(_, (used, _))| *used)
                .map(|(key, _)| *key);
            if let Some(key) = oldest {
                cells.by_key.remove(&key);
            }
        }
        cell
    }

    pub(crate) fn forget(&self, artifact: ArtifactDigest) {
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        cells.by_key.retain(|(key, _), _| *key != artifact);
    }
}

/// Loads from the cache or compiles; blocks for as long as that takes.
pub(crate) fn load(
    cache: &Cache,
    runtimes: &[Arc<Runtime>],
    compile_permit: &Mutex<()>,
    artifact: ArtifactDigest,
    path: &Path,
) -> Result<Component, LoadError> {
    if let Some(component) = from_cache(cache, runtimes, artifact, path, u64::MAX) {
        return Ok(component);
    }
    let bytes = read(artifact, path)?;
    inspect(&bytes)?;
    let _one_at_a_time = compile_permit
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let (runtime, code) = compile_with_first(runtimes, &bytes)?;
    let component = cache
        .store(&Entry::new(artifact, runtime), runtime, &code)
        .map_err(|error| cannot_load(&error))
        .map(|inner| Component::new(artifact, path, Arc::clone(runtime), inner, true))
        .and_then(check_links);
    if component.is_err()
        && let Err(error) = cache.forget(artifact)
    {
        tracing::warn!(%error, "compiled code cannot be removed");
    }
    component
}

/// The pool's own words for a component that has no room in a slot; a test provokes them.
fn cannot_load(error: &wasmtime::Error) -> LoadError {
    let text = format!("{error:#}");
    match text.split_once("The component transitively contains ") {
        Some((_, parts)) => LoadError::Parts(parts.to_owned()),
        None => LoadError::Host(text),
    }
}

/// Loads from the cache what takes too little time to be given to another thread.
pub(crate) fn load_in_place(
    cache: &Cache,
    runtimes: &[Arc<Runtime>],
    artifact: ArtifactDigest,
    path: &Path,
) -> Option<Component> {
    from_cache(cache, runtimes, artifact, path, LOADED_IN_PLACE)
}

fn from_cache(
    cache: &Cache,
    runtimes: &[Arc<Runtime>],
    artifact: ArtifactDigest,
    path: &Path,
    at_most: u64,
) -> Option<Component> {
    runtimes.iter().find_map(|runtime| {
        let inner = cache.load(&Entry::new(artifact, runtime), runtime, at_most)?;
        let runtime = Arc::clone(runtime);
        Some(Component::new(artifact, path, runtime, inner, false))
    })
}

/// Reads an artifact and checks that it is the one it is taken for.
fn read(artifact: ArtifactDigest, path: &Path) -> Result<Vec<u8>, LoadError> {
    let fail = |source| LoadError::Read {
        artifact,
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(fail)?;
    let size = file.metadata().map_err(fail)?.len();
    if size > MAX_ARTIFACT {
        return Err(LoadError::TooLarge { bytes: size });
    }
    let mut bytes = Vec::new();
    file.take(MAX_ARTIFACT)
        .read_to_end(&mut bytes)
        .map_err(fail)?;
    let found = ArtifactDigest::of(&bytes);
    if found != artifact {
        return Err(LoadError::OtherDigest { artifact, found });
    }
    Ok(bytes)
}

/// Compiles with the first compiler that can; what the last one says is the error.
fn compile_with_first<'a>(
    runtimes: &'a [Arc<Runtime>],
    bytes: &[u8],
) -> Result<(&'a Arc<Runtime>, Vec<u8>), LoadError> {
    let mut last = LoadError::Compile("there is no compiler".to_owned());
    for runtime in runtimes {
        match compile(runtime, bytes) {
            Ok(code) => return Ok((runtime, code)),
            Err(error) => {
                let compiler = runtime.compiler.as_str();
                tracing::debug!(%error, compiler, "a component cannot be compiled");
                last = error;
            }
        }
    }
    Err(last)
}

/// Compiles a component; the one function that a child process with limits of
/// its own would take over, for artifacts of others.
fn compile(runtime: &Runtime, bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    runtime
        .engine
        .precompile_component(bytes)
        .map_err(|error| LoadError::Compile(format!("{error:#}")))
}

fn check_links(component: Component) -> Result<Component, LoadError> {
    for reach in [Reach::Everything, Reach::Nothing] {
        component
            .linked(reach)
            .map_err(|error| LoadError::Mismatch(format!("{error:#}")))?;
    }
    Ok(component)
}
