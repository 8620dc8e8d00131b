//! Each check finds what it is for, in samples made bad on purpose, and leaves good ones alone.

use holdall_tidy::tree::Text;
use holdall_tidy::{api, arrows, code, links, source, words};

fn file(path: &str, content: &str) -> Text {
    Text { path: path.to_owned(), content: content.to_owned() }
}

fn manifest(name: &str, rest: &str) -> arrows::Manifest {
    arrows::read(&format!("[package]\nname = \"{name}\"\n\n[lints]\nworkspace = true\n\n{rest}"))
}

#[test]
fn a_wrong_arrow_is_found_in_every_spelling() {
    let wrong = [
        "[dependencies]\nholdall-store.workspace = true\n",
        "[dependencies]\nholdall-store = { path = \"../store\" }\n",
        "[dependencies.holdall-store]\npath = \"../store\"\n",
        "[target.'cfg(unix)'.dependencies]\nholdall-store = { workspace = true }\n",
        "[build-dependencies]\nholdall-store = \"1\"\n",
        "[dependencies]\nother = { path = \"../store\", package = \"holdall-store\" }\n",
    ];
    for text in wrong {
        assert_eq!(arrows::problems(&manifest("holdall-layout", text)).len(), 1, "{text}");
    }
    let right = "[dependencies]\nholdall-engine.workspace = true\nserde_json = \"1\"\n\n[dev-dependencies]\nholdall-store.workspace = true\n";
    assert!(arrows::problems(&manifest("holdall-layout", right)).is_empty());
}

#[test]
fn other_bad_manifests_are_found() {
    assert_eq!(arrows::problems(&manifest("holdall-engine", "[dependencies]\nahash = \"1\"\n")).len(), 1);
    assert_eq!(arrows::problems(&manifest("holdall", "[dependencies]\nrusqlite = \"1\"\n")).len(), 1);
    assert_eq!(arrows::problems(&manifest("holdall-unknown", "")).len(), 1);
    assert_eq!(arrows::problems(&arrows::read("[package]\nname = \"holdall\"\n")).len(), 1);
}

#[test]
fn unsafe_is_found_in_code_only() {
    let hidden = "// unsafe\n/* unsafe { } */\nfn a() { let _ = \"unsafe {}\"; let _ = r#\"\" unsafe\"#; let _ = '\"'; }\n#![forbid(unsafe_code)]\n";
    assert!(code::unsafe_problems(&file("core/engine/src/a.rs", hidden)).is_empty());
    let open = "fn a<'a>(b: &'a u8) -> u8 {\n    // SAFETY: none\n    unsafe { *b }\n}\n";
    assert_eq!(code::unsafe_problems(&file("core/engine/src/a.rs", open)).len(), 1);
    assert!(code::unsafe_problems(&file("ffi/c/src/a.rs", open)).is_empty());
}

#[test]
fn an_unsafe_block_needs_its_reason() {
    let cases = [
        ("fn a() {\n    unsafe { b() }\n}\n", 1),
        ("// SAFETY: of another block\nlet a = unsafe { b() };\nlet c = unsafe { d() };\n", 1),
        ("let a =\n    unsafe { b() };\n", 1),
        ("// SAFETY: a reason\n// over two lines\nlet a =\n    unsafe { b() };\n", 0),
        ("let a = unsafe { b() }; // SAFETY: a reason\n", 0),
        ("/// # Safety\n/// text\npub unsafe extern \"C\" fn a() {}\n", 0),
        ("#[unsafe(no_mangle)]\npub extern \"C\" fn a() {}\n", 0),
        ("unsafe impl Send for A {}\n", 1),
    ];
    for (text, expected) in cases {
        assert_eq!(code::unsafe_problems(&file("ffi/c/src/a.rs", text)).len(), expected, "{text}");
    }
}

#[test]
fn a_long_file_is_found() {
    let long = "x\n".repeat(code::MOST_LINES + 1);
    assert!(code::length_problem(&file("core/engine/src/a.rs", &long)).is_some());
    assert!(code::length_problem(&file("docs/a.md", &long)).is_none());
    assert!(code::length_problem(&file("a.rs", &"x\n".repeat(code::MOST_LINES))).is_none());
}

#[test]
fn forbidden_words_are_found() {
    for word in [concat!("todo", "!()"), concat!("#[", "ignore]"), concat!("see /wor", "k/a"), concat!("// FIX", "ME")] {
        assert_eq!(words::problems(&file("a.rs", &format!("fn a() {{}}\n{word}\n"))).len(), 1, "{word}");
    }
    assert!(words::problems(&file("a.rs", "fn frame_work() {}\n")).is_empty());
}

#[test]
fn header_and_symbols_are_compared() {
    let header = "/* holdall_not(a) */\n#define HOLDALL_X(a) holdall_nor(a)\ntypedef void (*holdall_call)(int);\n\
        int holdall_open(const char *url,\n    size_t length);\nvoid holdall_close(void);\n";
    assert_eq!(api::functions_of_header(header), ["holdall_close", "holdall_open"]);
    assert!(api::differences(header, "# since 0.1\nholdall_open # 0.1\nholdall_close\n").is_empty());
    assert_eq!(api::differences(header, "holdall_open\nholdall_gone\n").len(), 2);
    assert_eq!(api::differences("", "").len(), 1);
}

#[test]
fn the_version_is_looked_for_in_headings() {
    for good in ["## 0.1.0\n", "## [0.1.0] - 2026-01-01\n", "# Changes\n\n## 0.1.0, unreleased\n"] {
        assert!(api::has_entry(good, "0.1.0"), "{good}");
    }
    for bad in ["0.1.0\n", "## 0.1.01\n", "## 0.2.0 after 0.1.0\n"] {
        assert!(!api::has_entry(bad, "0.1.0"), "{bad}");
    }
}

#[test]
fn a_dead_link_is_found() {
    let exists = |path: &str| path == "docs/c.md" || path == "README.md";
    let read = |_: &str| Some("# The C library\n\n## Threads & forks\n".to_owned());
    let good =
        "[a](c.md) [b](../README.md) [c](https://example.org/x) [d](c.md#threads--forks) `[e](no.md)`\n```\n[f](no.md)\n```\n";
    assert_eq!(links::problems(&file("docs/c.md", good), exists, read), Vec::<String>::new());
    let bad = "[a](no.md) and [b](../docs/no.md#x)\n[c](c.md#nothing)\n";
    assert_eq!(links::problems(&file("docs/c.md", bad), exists, read).len(), 3);
}

#[test]
fn blanking_keeps_the_lines() {
    let text = "a /* b\nc */ d \"e\nf\" 'g' '\\'' r##\"h\"# i\"## b'j' &'k l\n";
    let code = source::code_only(text);
    assert_eq!(code.lines().count(), text.lines().count());
    assert_eq!(code.split_whitespace().collect::<Vec<_>>(), ["a", "d", "b", "&'k", "l"]);
}
