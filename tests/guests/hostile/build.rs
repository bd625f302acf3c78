//! Makes the component's table nearly as large as `collect` may have, so that
//! tests reach its limit by changing one number in the compiled component.

fn main() {
    println!("cargo:rustc-link-arg-cdylib=--table-base=19000");
    println!("cargo:rerun-if-changed=build.rs");
}
