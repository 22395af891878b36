//! The dictionary: a record of each operation, and of what else a record may be, for an engine to put in.

use racewalk::prog::{Op, wire};

/// The text of `racewalk.dict`, in the form that libFuzzer and AFL++ read.
pub fn dictionary() -> String {
    let mut text = String::from(
        "# Records: an operation each, then decisions, declarations and a configuration.\n",
    );
    let mut entry = |name: &str, record: [u8; 8]| {
        let bytes: String = record.iter().map(|byte| format!("\\x{byte:02x}")).collect();
        text += &format!("{name}=\"{bytes}\"\n");
    };
    for op in Op::blank() {
        entry(&format!("op_{}", op.verb()), wire::record_of(&op));
    }
    for cpu in 0..2 {
        entry(&format!("yield_to_cpu{cpu}"), [4, 17, 0, 0, cpu, 0, 0, 0]);
        entry(&format!("finished_go_on_with_cpu{cpu}"), [5, 1 - cpu, cpu, 0, 0, 0, 0, 0]);
    }
    entry("mm", [7, 2, 0, 0, 0, 0, 0, 0]);
    entry("mm_unborn", [7, 2, 1, 0, 0, 0, 0, 0]);
    entry("file", [7, 1, 8, 0, 0, 0, 0, 0]);
    entry("mmap_shared", [7, 0, 0, 0, 8, 8, 0, 0]);
    entry("mmap_private", [7, 0, 0, 1, 8, 8, 0, 0]);
    entry("mmap_anon", [7, 0, 0, 2, 24, 8, 0, 0]);
    entry("one_lock_for_all_tables", [7, 3, 8, 0, 0, 0, 0, 0]);
    text
}
