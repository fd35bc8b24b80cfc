//! Promise 2 in small: what is served while pages are replaced is always one whole page.
//! The full figures come from `cargo run --release -p exporter --example whole_pages -- --help`.

#[path = "../../examples/whole_pages/check.rs"]
mod check;
#[path = "../../src/exposition/strict_reader.rs"]
mod strict_reader;

use check::{Size, Task};

#[test]
fn every_answer_under_refresh_is_one_whole_page() {
    let task = Task { size: Size { nodes: 10, jobs: 100 }, scrapes: 2_000, scrapers: 4 };
    let outcome = check::run(task);
    assert!(outcome.is_whole(), "{outcome}");
    assert_eq!(outcome.whole, task.scrapes);
    assert!(outcome.refreshes > 1, "{outcome}");
}
