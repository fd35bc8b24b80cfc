//! The formats of a report, compared with golden files, and what must hold for any record.
//! How the page looks in a browser is in `browser`.

use std::collections::BTreeMap;

use reports::model::{RunRecord, Verdict};
use reports::render::{FORMATS, Listed, index, plots, write_all};

use crate::{golden, synthetic};

fn rendered(file: &str, run: &RunRecord, verdict: Option<&Verdict>) -> String {
    let format = FORMATS.iter().find(|format| format.file == file).expect("the format is registered");
    (format.render)(run, verdict)
}

#[test]
fn each_format_draws_the_same_run_as_ever() {
    let run = synthetic::run(60);
    let verdict = synthetic::verdict(&run);
    for format in FORMATS {
        golden::check(&format!("tests/golden/{}", format.file), &(format.render)(&run, Some(&verdict)));
    }
    let listed = [("one", Some(&verdict)), ("two & three", None)];
    let listed = listed.map(|(folder, verdict)| Listed { folder, run: &run, verdict });
    golden::check("tests/golden/index.html", &index(&listed));
}

#[test]
fn markdown_and_html_show_the_same_figures() {
    let run = synthetic::run(300);
    let verdict = synthetic::verdict(&run);
    let [html, markdown] = ["report.html", "summary.md"].map(|file| rendered(file, &run, Some(&verdict)));
    let cells = html.split("<td class=\"figure\" data-name=\"").skip(1);
    let cells: Vec<_> = cells.filter_map(|rest| rest.split(['>', '<']).nth(1)).collect();
    assert!(cells.len() > 40, "{}", cells.len());
    for cell in cells {
        assert!(markdown.contains(&format!("| {cell} |")), "{cell}");
    }
}

#[test]
fn no_text_of_a_record_becomes_markup() {
    let (run, verdict) = synthetic::hostile();
    let [html, markdown, junit] = FORMATS.map(|format| (format.render)(&run, Some(&verdict)));
    let listed = index(&[Listed { folder: &run.id, run: &run, verdict: Some(&verdict) }]);
    for text in [&html, &markdown, &listed] {
        assert!(!text.contains("<script") && !text.contains("<img"), "markup came through");
    }
    assert!(html.contains("&lt;script&gt;") && !html.contains("\" onload"));
    assert!(!markdown.contains("@all") && !markdown.contains(" `code`"));
    assert!(!junit.contains("<script") && !junit.contains("<img"));
}

#[test]
fn p999_is_quoted_only_from_as_many_requests_as_it_needs() {
    let row = |run: &RunRecord| {
        let markdown = rendered("summary.md", run, None);
        let row = markdown.lines().find(|line| line.starts_with("| all |")).expect("two names have a sum");
        row.split(" | ").nth(8).map(str::to_owned)
    };
    assert_eq!(row(&synthetic::run(60)), Some("–".into()));
    assert!(row(&synthetic::run(300)).unwrap().ends_with(" ms"));
}

#[test]
fn only_what_was_measured_is_drawn() {
    let mut run = synthetic::run(60);
    let titles = |run: &RunRecord| plots(run).iter().map(|plot| plot.title).collect::<Vec<_>>();
    assert_eq!(titles(&run).len(), 8);
    run.subject = None;
    run.generator = None;
    for second in &mut run.seconds {
        (second.errors, second.in_flight) = (0, None);
    }
    let expected = ["Latency, second by second", "Latency by percentile", "Request rate"];
    assert_eq!(titles(&run), expected);
}

#[test]
fn the_smallest_and_the_strangest_records_are_drawn() {
    let mut empty = synthetic::run(60);
    empty.seconds.clear();
    empty.requests.clear();
    empty.parameters = BTreeMap::new();
    (empty.subject, empty.generator, empty.exposition) = (None, None, None);
    empty.duration_seconds = 0.0;
    let mut one_second = synthetic::run(1);
    one_second.seconds.truncate(1);
    let mut silent = synthetic::run(60);
    for second in &mut silent.seconds {
        (second.requests, second.p50_us, second.p95_us) = (0, None, None);
        (second.p99_us, second.max_us, second.offered) = (None, None, Some(0.0));
    }
    let mut extreme = synthetic::run(60);
    extreme.duration_seconds = -1.0;
    for (index, second) in extreme.seconds.iter_mut().enumerate() {
        second.offset = if index % 2 == 0 { u32::MAX } else { 0 };
        (second.requests, second.max_us, second.p50_us) = (u64::MAX / 1000, Some(u64::MAX), Some(0));
    }
    for sample in extreme.subject.iter_mut().flat_map(|used| &mut used.samples) {
        (sample.offset, sample.cpu_cores) = (-1e300, 1e300);
    }
    for run in [empty, one_second, silent, extreme] {
        for plot in plots(&run) {
            assert!(plot.svg.is_ok(), "{}: {:?}", plot.title, plot.svg);
        }
        for format in FORMATS {
            assert!((format.render)(&run, None).len() > 100);
        }
    }
}

#[test]
fn a_long_run_is_drawn_with_as_many_points_as_a_screen_shows() {
    let size = |seconds| rendered("report.html", &synthetic::run(seconds), None).len();
    assert!(size(3600) < 2 * size(300));
    let html = rendered("report.html", &synthetic::run(3600), None);
    assert!(html.contains("Each point is the worst of 8 seconds."));
}

#[test]
fn a_run_without_a_verdict_is_never_shown_as_passed() {
    let run = synthetic::run(60);
    let [html, markdown, junit] = FORMATS.map(|format| (format.render)(&run, None));
    for text in [html, markdown, junit.clone()] {
        assert!(text.contains("Not judged") && !text.contains("Passed"));
    }
    assert!(junit.contains("errors=\"1\""), "{junit}");
}

#[test]
fn in_junit_a_broken_rule_is_a_failure_and_an_open_one_an_error() {
    let mut run = synthetic::run(60);
    run.subject = None;
    let junit = rendered("junit.xml", &run, Some(&synthetic::verdict(&run)));
    assert!(junit.contains("tests=\"7\" skipped=\"0\" failures=\"1\" errors=\"1\""), "{junit}");
    assert!(junit.contains("<error message=\"0 resource samples, but at least 1 are needed\""), "{junit}");
}

#[test]
fn all_files_are_written_whole_into_a_new_folder() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a/b");
    let run = synthetic::run(60);
    write_all(&out, &run, None).unwrap();
    let mut names: Vec<_> = std::fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["junit.xml", "report.html", "summary.md"]);
}
