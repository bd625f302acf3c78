//! Guests as core modules in text form, wrapped into components.

use std::collections::BTreeMap;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

const GUEST: &str = "tidegate:project/guest@1.0.0";

const CONTEXT: &str = "(param $run i32) (param $run_len i32) (param $attempt i32) \
    (param $key i32) (param $key_len i32) (param $user i32) (param $user_id i32) \
    (param $user_id_len i32)";
const REGISTRATION: &str = "(param $name i32) (param $name_len i32) (param $input i32) \
    (param $input_len i32) (param $endpoint i32) (param $endpoint_len i32) (param $key i32) \
    (param $key_len i32) (param $user i32) (param $user_id i32) (param $user_id_len i32)";
const NAME_AND_INPUT: &str =
    "(param $name i32) (param $name_len i32) (param $input i32) (param $input_len i32)";

/// A guest whose operations are given as bodies of functions in WAT. Those not
/// given trap. Each returns a pointer to its result; `$ok` and `$fail` make one.
#[derive(Clone)]
pub(crate) struct Guest {
    bodies: BTreeMap<&'static str, String>,
    imports: String,
    items: String,
    memory: String,
}

impl Guest {
    pub(crate) fn new() -> Self {
        Self {
            bodies: BTreeMap::new(),
            imports: String::new(),
            items: String::new(),
            memory: "(memory (export \"memory\") 4)".to_owned(),
        }
    }

    /// A guest whose `run-action` has this body.
    pub(crate) fn action(body: &str) -> Self {
        Self::new().on("run-action", body)
    }

    pub(crate) fn on(mut self, operation: &'static str, body: &str) -> Self {
        self.bodies.insert(operation, body.to_owned());
        self
    }

    /// Imports a function: `wasi:random/random@0.2.6 get-random-u64`, `$name (result i64)`.
    pub(crate) fn import(mut self, from: &str, function: &str) -> Self {
        let (module, name) = from.split_once(' ').unwrap();
        self.imports += &format!("(import \"{module}\" \"{name}\" (func {function}))\n");
        self
    }

    /// Adds functions, globals, data or tables.
    pub(crate) fn item(mut self, item: &str) -> Self {
        self.items += item;
        self.items += "\n";
        self
    }

    pub(crate) fn memory(mut self, memory: &str) -> Self {
        self.memory = memory.to_owned();
        self
    }

    /// Makes the component.
    pub(crate) fn build(&self) -> Vec<u8> {
        let mut module = wat::parse_str(self.text()).unwrap();
        let mut resolve = Resolve::default();
        resolve
            .push_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../../guest-sdk/wit"))
            .unwrap();
        let package = resolve
            .push_str("wasi.wit", include_str!("wasi.wit"))
            .unwrap();
        let world = resolve.select_world(&[package], Some("guests")).unwrap();
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)
            .unwrap();
        ComponentEncoder::default()
            .module(&module)
            .unwrap()
            .encode()
            .unwrap()
    }

    fn text(&self) -> String {
        let export = |name: &'static str, parameters: &str| {
            let body = self.bodies.get(name).map_or("unreachable", String::as_str);
            format!("(func (export \"{GUEST}#{name}\") {parameters} (result i32) {body})\n")
        };
        let registration = |more: &str| format!("{REGISTRATION} {more}");
        let run = format!("{NAME_AND_INPUT} {CONTEXT}");
        let props = "(param $props i32) (param $props_len i32)";
        let exports = [
            export("collect", ""),
            export("run-action", &run),
            export("run-workflow", &run),
            export(
                "subscription-props",
                "(param $name i32) (param $name_len i32) (param $user i32) (param $user_id i32) \
                 (param $user_id_len i32)",
            ),
            export("subscribe", REGISTRATION),
            export("unsubscribe", &registration(props)),
            export("refresh", &registration(props)),
            export("check", &registration(&format!("(param $has i32) {props}"))),
            export("receive", "(param $arguments i32)"),
        ]
        .concat();
        let Self {
            imports,
            items,
            memory,
            ..
        } = self;
        format!(
            r#"(module
{imports}
{memory}
{items}
(global $heap (mut i32) (i32.const 65536))
(func $realloc (export "cabi_realloc") (param i32 i32) (param $align i32) (param $size i32) (result i32)
  (local $at i32)
  (local.set $at (i32.and
    (i32.add (global.get $heap) (i32.sub (local.get $align) (i32.const 1)))
    (i32.sub (i32.const 0) (local.get $align))))
  (global.set $heap (i32.add (local.get $at) (local.get $size)))
  (if (i32.gt_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536)))
    (then (if (i32.eq (i32.const -1) (memory.grow
      (i32.add (i32.shr_u (local.get $size) (i32.const 16)) (i32.const 1))))
      (then unreachable))))
  (local.get $at))
(func $ok (param $at i32) (param $len i32) (result i32)
  (i32.store8 (i32.const 1024) (i32.const 0))
  (i32.store (i32.const 1032) (local.get $at))
  (i32.store (i32.const 1036) (local.get $len))
  (i32.const 1024))
(func $fail (param $final i32) (param $at i32) (param $len i32) (result i32)
  (i32.store8 (i32.const 1024) (i32.const 1))
  (i32.store8 (i32.const 1032) (local.get $final))
  (i32.store (i32.const 1040) (local.get $at))
  (i32.store (i32.const 1044) (local.get $len))
  (i32.store8 (i32.const 1048) (i32.const 1))
  (i64.store (i32.const 1056) (i64.const 1500))
  (i32.const 1024))
;; Writes a number in sixteen letters from a to p.
(func $letters (param $at i32) (param $number i64)
  (local $i i32)
  (loop $next
    (i32.store8
      (i32.add (local.get $at) (local.get $i))
      (i32.add (i32.const 97) (i32.wrap_i64 (i64.and (local.get $number) (i64.const 15)))))
    (local.set $number (i64.shr_u (local.get $number) (i64.const 4)))
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (br_if $next (i32.lt_u (local.get $i) (i32.const 16)))))
{exports})"#
        )
    }
}
