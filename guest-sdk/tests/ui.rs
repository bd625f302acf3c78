//! What a misuse of the attributes says, and where it points.

#[test]
fn misuse_is_a_compile_error_at_the_authors_line() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
}
