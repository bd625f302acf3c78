//! Guest addresses to functions, files and lines, from the stored artifact.
//!
//! Debug information comes from the guest and may be made to be slow: it is
//! read on the blocking pool, by one thread at a time, for a bounded time, and
//! an artifact for which that was not enough is not tried again.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use addr2line::Context;
use domain::ArtifactDigest;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use wasmparser::{Parser, Payload};

use crate::component::Component;
use crate::failure::Frame;
use crate::load::MAX_ARTIFACT;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_millis(500);

/// Frames that are shown.
const SHOWN: usize = 32;

/// Artifacts whose debug information is kept ready.
const KEPT: usize = 2;

type Reader = gimli::EndianArcSlice<gimli::LittleEndian>;

/// A frame as wasmtime reports it.
#[derive(Debug, Clone)]
pub(crate) struct RawFrame {
    pub(crate) function: Option<String>,
    /// Where its instruction stands in the artifact's file.
    pub(crate) offset: Option<u64>,
    /// The same for each frame of one function.
    pub(crate) identity: u32,
}

/// Resolves frames for all artifacts.
#[derive(Clone)]
pub(crate) struct Symbols {
    permit: Arc<Semaphore>,
    kept: Arc<Mutex<Vec<Kept>>>,
}

/// An artifact with its debug information.
type Kept = (ArtifactDigest, Arc<Mutex<Lines>>);

impl Default for Symbols {
    fn default() -> Self {
        Self {
            permit: Arc::new(Semaphore::new(1)),
            kept: Arc::default(),
        }
    }
}

impl Symbols {
    /// Returns the frames worth showing, with lines where they can be had in time.
    pub(crate) async fn resolve(&self, component: &Component, raw: Vec<RawFrame>) -> Vec<Frame> {
        let without_lines = || shown(raw.iter().map(|frame| frame.bare()).collect());
        if raw.is_empty() {
            return Vec::new();
        }
        let resolving = self.resolve_with_lines(component, raw.clone());
        match timeout(PATIENCE, resolving).await {
            Ok(Some(frames)) => shown(frames),
            Ok(None) | Err(_) => without_lines(),
        }
    }

    async fn resolve_with_lines(
        &self,
        component: &Component,
        raw: Vec<RawFrame>,
    ) -> Option<Vec<Frame>> {
        let permit = Arc::clone(&self.permit).acquire_owned().await.ok()?;
        let (symbols, artifact) = (self.clone(), component.artifact());
        let file = component.file().to_owned();
        tokio::task::spawn_blocking(move || symbols.look_up(permit, artifact, &file, &raw))
            .await
            .ok()
    }

    /// Holds the permit for as long as it runs, though nobody may be waiting any more.
    fn look_up(
        &self,
        _permit: OwnedSemaphorePermit,
        artifact: ArtifactDigest,
        file: &Path,
        raw: &[RawFrame],
    ) -> Vec<Frame> {
        let lines = self.lines_of(artifact, file);
        let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        let start = std::time::Instant::now();
        let frames = raw.iter().flat_map(|frame| lines.resolve(frame)).collect();
        if start.elapsed() > PATIENCE {
            *lines = Lines::default();
        }
        frames
    }

    fn lines_of(&self, artifact: ArtifactDigest, file: &Path) -> Arc<Mutex<Lines>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, lines)) = kept.iter().find(|(key, _)| *key == artifact) {
            return Arc::clone(lines);
        }
        let lines = Lines::read(file).unwrap_or_else(|error| {
            tracing::debug!(%error, %artifact, "an artifact's debug information cannot be read");
            Lines::default()
        });
        let lines = Arc::new(Mutex::new(lines));
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push((artifact, Arc::clone(&lines)));
        lines
    }
}

/// The debug information of one artifact; empty if it has none.
#[derive(Default)]
struct Lines {
    modules: Vec<Module>,
}

/// One core module, in which addresses count from the start of its code.
struct Module {
    code: std::ops::Range<u64>,
    context: Context<Reader>,
}

/// Why debug information is not used.
#[derive(Debug, thiserror::Error)]
enum LinesError {
    #[error("the file cannot be read")]
    Read(#[from] std::io::Error),
    #[error("the file is no component")]
    Parse(#[from] wasmparser::BinaryReaderError),
    #[error("the debug information is damaged")]
    Dwarf(#[from] gimli::Error),
}

impl Lines {
    fn read(file: &Path) -> Result<Self, LinesError> {
        if std::fs::metadata(file)?.len() > MAX_ARTIFACT {
            return Ok(Self::default());
        }
        Self::parse(&std::fs::read(file)?)
    }

    fn parse(bytes: &[u8]) -> Result<Self, LinesError> {
        let mut lines = Self::default();
        let mut open: Vec<Sections<'_>> = Vec::new();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::Version { .. } => open.push(Sections::default()),
                Payload::CodeSectionStart {
                    unchecked_range, ..
                } => {
                    if let Some(module) = open.last_mut() {
                        module.code = Some(unchecked_range);
                    }
                }
                Payload::CustomSection(section) if section.name().starts_with(".debug_") => {
                    if let Some(module) = open.last_mut() {
                        module.debug.push((section.name(), section.data()));
                    }
                }
                Payload::End(_) => {
                    if let Some(sections) = open.pop() {
                        lines.modules.extend(sections.into_module()?);
                    }
                }
                _ => {}
            }
        }
        Ok(lines)
    }

    fn resolve(&self, raw: &RawFrame) -> Vec<Frame> {
        let found = raw.offset.and_then(|offset| {
            let module = self
                .modules
                .iter()
                .find(|module| module.code.contains(&offset))?;
            module.resolve(offset - module.code.start, raw)
        });
        found.unwrap_or_else(|| vec![raw.bare()])
    }
}

#[derive(Default)]
struct Sections<'a> {
    code: Option<std::ops::Range<u64>>,
    debug: Vec<(&'a str, &'a [u8])>,
}

impl Sections<'_> {
    fn into_module(self) -> Result<Option<Module>, gimli::Error> {
        let Some(code) = self.code else {
            return Ok(None);
        };
        if self.debug.is_empty() {
            return Ok(None);
        }
        let dwarf = gimli::Dwarf::load(|id| {
            let section = self.debug.iter().find(|(name, _)| *name == id.name());
            let data: &[u8] = section.map_or(&[], |(_, data)| data);
            Ok::<_, gimli::Error>(Reader::new(Arc::from(data), gimli::LittleEndian))
        })?;
        let context = Context::from_dwarf(dwarf)?;
        Ok(Some(Module { code, context }))
    }
}

impl Module {
    /// Returns the functions at an address, those inlined into others first.
    fn resolve(&self, address: u64, raw: &RawFrame) -> Option<Vec<Frame>> {
        let directory = self
            .context
            .find_dwarf_and_unit(address)
            .skip_all_loads()
            .and_then(|unit| {
                unit.comp_dir
                    .as_ref()
                    .map(|dir| dir.to_string_lossy_owned())
            });
        let mut found = self.context.find_frames(address).skip_all_loads().ok()?;
        let mut frames = Vec::new();
        while let Ok(Some(frame)) = found.next() {
            let function = frame
                .function
                .and_then(|function| Some(demangled(&function.raw_name().ok()?)))
                .or_else(|| raw.function.clone());
            let location = frame.location;
            let file = location.as_ref().and_then(|location| location.file);
            frames.push(Frame {
                function: function.unwrap_or_else(unknown),
                file: file.map(|file| relative(file, directory.as_deref())),
                line: location.as_ref().and_then(|location| location.line),
                column: location.as_ref().and_then(|location| location.column),
            });
        }
        (!frames.is_empty()).then_some(frames)
    }
}

/// Names as text, whatever bytes they are.
trait Lossy {
    fn to_string_lossy_owned(&self) -> String;
}

impl Lossy for Reader {
    fn to_string_lossy_owned(&self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }
}

impl RawFrame {
    /// Returns the frame without what debug information could add.
    fn bare(&self) -> Frame {
        Frame {
            function: self.function.clone().unwrap_or_else(unknown),
            file: None,
            line: None,
            column: None,
        }
    }
}

fn unknown() -> String {
    "<unknown>".to_owned()
}

/// Returns a function's name as its author wrote it.
pub(crate) fn demangled(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

/// Leaves out the frames of the language itself, unless nothing else is left,
/// and shows a recursion once.
fn shown(frames: Vec<Frame>) -> Vec<Frame> {
    let own = |frame: &Frame| !is_of_the_language(frame);
    let mut kept: Vec<Frame> = if frames.iter().any(own) {
        frames.into_iter().filter(own).collect()
    } else {
        frames
    };
    kept.dedup();
    kept.truncate(SHOWN);
    kept
}

fn is_of_the_language(frame: &Frame) -> bool {
    const NAMES: [&str; 12] = [
        "std::",
        "core::",
        "alloc::",
        "<core::",
        "<alloc::",
        "<std::",
        "rust_begin_unwind",
        "__rust",
        "__rustc",
        "abort",
        "panic_abort",
        "dlmalloc",
    ];
    const FILES: [&str; 3] = ["library/", "wasi-libc/", "wasisdk"];
    let of_a_file = frame
        .file
        .as_deref()
        .is_some_and(|file| FILES.iter().any(|part| file.starts_with(part)));
    // What bindings generate around an export.
    let glue =
        frame.function.contains("tidegate:project/guest@") || frame.function.contains("_export_");
    of_a_file || glue || NAMES.iter().any(|name| frame.function.starts_with(name))
}

/// Returns a source file without what it tells of the machine it was built on:
/// relative to the project or to the crate that it is from.
pub(crate) fn relative(file: &str, directory: Option<&str>) -> String {
    let file = file.replace('\\', "/");
    if let Some((_, rest)) = file.split_once("/registry/src/") {
        // The index that the crate is from.
        return rest
            .split_once('/')
            .map_or(rest, |(_, rest)| rest)
            .to_owned();
    }
    if let Some(rest) = file.strip_prefix("/rustc/") {
        return rest
            .split_once('/')
            .map_or(rest, |(_, rest)| rest)
            .to_owned();
    }
    if let Some((_, rest)) = file.split_once("/lib/rustlib/src/rust/") {
        return rest.to_owned();
    }
    if let Some((_, rest)) = file.split_once("wasisdk://") {
        return format!("wasisdk/{rest}");
    }
    let inside = directory
        .map(|directory| directory.trim_end_matches('/'))
        .filter(|directory| !directory.is_empty())
        .and_then(|directory| file.strip_prefix(directory)?.strip_prefix('/'));
    if let Some(inside) = inside {
        return inside.to_owned();
    }
    let is_absolute = file.starts_with('/') || file.get(1..3) == Some(":/");
    if !is_absolute {
        return file;
    }
    // The crate's own folder tells more than the file alone, and no more than that.
    for root in ["/src/", "/tests/", "/examples/"] {
        if let Some(at) = file.find(root) {
            return file[at + 1..].to_owned();
        }
    }
    file.rsplit('/').next().unwrap_or(&file).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_tell_nothing_of_the_machine_that_built_the_component() {
        for (file, directory, expected) in [
            ("src/lib.rs", None, "src/lib.rs"),
            (
                "/home/ada/shop/src/lib.rs",
                Some("/home/ada/shop"),
                "src/lib.rs",
            ),
            (
                "/home/ada/shop/guests/a/src/lib.rs",
                Some("/home/ada/shop/"),
                "guests/a/src/lib.rs",
            ),
            ("/home/ada/shop/src/lib.rs", None, "src/lib.rs"),
            ("/home/ada/other/x.c", Some("/home/ada/shop"), "x.c"),
            (
                "/home/ada/.cargo/registry/src/index.crates.io-1/serde-1.0.2/src/de.rs",
                Some("/home/ada/.cargo/registry/src/index.crates.io-1/serde-1.0.2"),
                "serde-1.0.2/src/de.rs",
            ),
            (
                "/rustc/0123abc/library/core/src/panicking.rs",
                None,
                "library/core/src/panicking.rs",
            ),
            (
                "/home/ada/.rustup/toolchains/x/lib/rustlib/src/rust/library/std/src/rt.rs",
                None,
                "library/std/src/rt.rs",
            ),
            ("C:\\Users\\ada\\shop\\src\\lib.rs", None, "src/lib.rs"),
        ] {
            assert_eq!(relative(file, directory), expected, "{file}");
        }
    }

    #[test]
    fn frames_of_the_language_are_left_out_unless_there_are_no_others() {
        let frame = |function: &str, file: Option<&str>| Frame {
            function: function.to_owned(),
            file: file.map(str::to_owned),
            line: None,
            column: None,
        };
        let own = frame("shop::order", Some("src/lib.rs"));
        let panic = frame("core::panicking::panic_fmt", None);
        let library = frame("unwrap", Some("library/core/src/option.rs"));
        let frames = vec![panic.clone(), library, own.clone(), own.clone()];
        assert_eq!(shown(frames), [own]);
        assert_eq!(shown(vec![panic.clone()]), [panic]);
    }

    /// A component whose only function is on lines 10 and 11 of a project of Ada's.
    fn with_lines() -> Vec<u8> {
        use gimli::write::{
            Address, AttributeValue, DwarfUnit, EndianVec, LineProgram, LineString, Sections,
        };
        let encoding = gimli::Encoding {
            format: gimli::Format::Dwarf32,
            version: 4,
            address_size: 4,
        };
        let text = |text: &str| LineString::String(text.as_bytes().to_vec());
        let project = "/home/ada/shop";
        let mut lines = LineProgram::new(
            encoding,
            gimli::LineEncoding::default(),
            text(project),
            None,
            text("src/order.rs"),
            None,
        );
        let directory = lines.default_directory();
        let file = lines.add_file(text("src/order.rs"), directory, None);
        lines.begin_sequence(Some(Address::Constant(1)));
        for (offset, line) in [(0, 10), (3, 11)] {
            let row = lines.row();
            (row.file, row.address_offset, row.line, row.column) = (file, offset, line, 5);
            lines.generate_row();
        }
        lines.end_sequence(5);
        let mut dwarf = DwarfUnit::new(encoding);
        dwarf.unit.line_program = lines;
        let root = dwarf.unit.root();
        let address = |at| AttributeValue::Address(Address::Constant(at));
        let string = |text: &str| AttributeValue::String(text.as_bytes().to_vec());
        let function = dwarf.unit.add(root, gimli::DW_TAG_subprogram);
        for (entry, name) in [(root, "src/order.rs"), (function, "shop::order")] {
            let entry = dwarf.unit.get_mut(entry);
            entry.set(gimli::DW_AT_name, string(name));
            entry.set(gimli::DW_AT_low_pc, address(1));
            entry.set(gimli::DW_AT_high_pc, AttributeValue::Udata(5));
        }
        dwarf
            .unit
            .get_mut(root)
            .set(gimli::DW_AT_comp_dir, string(project));
        let mut sections = Sections::new(EndianVec::new(gimli::LittleEndian));
        dwarf.write(&mut sections).unwrap();
        let mut custom = String::new();
        sections
            .for_each(|id, data| {
                let bytes: String = data.slice().iter().map(|b| format!("\\{b:02x}")).collect();
                custom += &format!("(@custom \"{}\" \"{bytes}\")", id.name());
                Ok::<_, gimli::write::Error>(())
            })
            .unwrap();
        let module = format!("(core module (func unreachable nop nop) {custom})");
        wat::parse_str(format!("(component (core module) {module})")).unwrap()
    }

    #[test]
    fn lines_are_found_by_their_place_in_the_components_file() {
        let component = with_lines();
        let lines = Lines::parse(&component).unwrap();
        let code = lines.modules[0].code.clone();
        let at = |offset: u64| {
            let frames = lines.resolve(&RawFrame {
                function: Some("order".to_owned()),
                offset: Some(offset),
                identity: 0,
            });
            frames.iter().map(Frame::to_string).collect::<Vec<_>>()
        };
        assert_eq!(at(code.start + 3), ["shop::order (src/order.rs:10:5)"]);
        assert_eq!(at(code.start + 5), ["shop::order (src/order.rs:11:5)"]);
        assert_eq!(at(code.start + 6), ["order"]);
        assert_eq!(at(code.end), ["order"]);
    }

    #[test]
    fn damaged_debug_information_is_no_more_than_missing() {
        let mut component = with_lines();
        for at in 0..component.len() {
            component[at] ^= 0xff;
            if let Ok(lines) = Lines::parse(&component) {
                for offset in 0..64 {
                    let frame = RawFrame {
                        function: None,
                        offset: Some(offset),
                        identity: 0,
                    };
                    assert!(!lines.resolve(&frame).is_empty());
                }
            }
            component[at] ^= 0xff;
        }
    }
}
