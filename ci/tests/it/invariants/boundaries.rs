//! What the modules of a crate may know of each other and of the world.
//! Read from the source text; comments do not count unless a rule says so.

use super::assert_none;
use super::rust_text::{lines_with_module, lines_with_word, without_comments};
use super::tree::{SourceFile, under, workspace};

/// `exposition` is text encoding: the product's subject must not appear in it, not even in a comment.
fn slurm_in_exposition(files: &[SourceFile]) -> Vec<String> {
    let mut found = Vec::new();
    for file in under(files, "exporter/src/exposition", "") {
        for (index, line) in file.text().lines().enumerate() {
            if line.to_lowercase().contains("slurm") {
                found.push(format!("{}:{}: names Slurm", file.path, index + 1));
            }
        }
    }
    found
}

/// `collectors` are pure functions of the snapshot: neither decoding nor fetching.
fn wire_or_source_in_collectors(files: &[SourceFile]) -> Vec<String> {
    let mut found = Vec::new();
    for file in under(files, "exporter/src/collectors", ".rs") {
        for module in ["wire", "source"] {
            for line in lines_with_module(file.text(), module) {
                found.push(format!("{}:{line}: uses the module {module}", file.path));
            }
        }
    }
    found
}

/// Lines of the Rust files under `folder` that use one of `words`, or code that contains one of `paths`.
fn forbidden_in(files: &[SourceFile], folder: &str, words: &[&str], paths: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for file in under(files, folder, ".rs") {
        for (line, word) in lines_with_word(file.text(), words) {
            found.push(format!("{}:{line}: uses {word}", file.path));
        }
        for (index, line) in without_comments(file.text()).lines().enumerate() {
            let squeezed: String = line.split_whitespace().collect();
            for path in paths.iter().filter(|path| squeezed.contains(*path)) {
                found.push(format!("{}:{}: uses {path}", file.path, index + 1));
            }
        }
    }
    found
}

/// `model` is what the collectors read, whatever it was decoded from.
fn serde_in_model(files: &[SourceFile]) -> Vec<String> {
    forbidden_in(files, "exporter/src/model", &["serde", "serde_json", "Serialize", "Deserialize"], &[])
}

/// `wire` turns bytes into rows; the bytes come from `source`.
fn io_in_wire(files: &[SourceFile]) -> Vec<String> {
    let modules = ["std::fs", "std::net", "std::process", "std::{fs", "std::{net", "File::open"];
    forbidden_in(files, "exporter/src/wire", &["tokio", "reqwest", "hyper"], &modules)
}

/// `cluster` is the truth being served: no face, and no time but the one that it is told.
fn face_or_wall_clock_in_cluster(files: &[SourceFile]) -> Vec<String> {
    let words = ["http", "hyper", "axum", "reqwest", "json", "serde_json", "SystemTime", "tokio"];
    let clocks = ["Instant::now", "Timestamp::now", "Zoned::now"];
    forbidden_in(files, "mock-slurmrestd/src/cluster", &words, &clocks)
}

/// The crate that draws; put together, so that this file passes the rule.
fn plot_library() -> String {
    ["plot", "ters"].concat()
}

/// Only `reports::render` draws, and only from files.
fn drawing_outside_render(files: &[SourceFile]) -> Vec<String> {
    let mut found = Vec::new();
    let library = plot_library();
    for file in files.iter().filter(|file| file.is_rust() && !file.path.starts_with("reports/src/render/")) {
        for (line, _) in lines_with_word(file.text(), &[&library]) {
            found.push(format!("{}:{line}: draws with {library}", file.path));
        }
    }
    for file in
        files.iter().filter(|file| file.path.ends_with("/Cargo.toml") && file.path != "reports/Cargo.toml")
    {
        if file.text().lines().any(|line| line.trim_start().starts_with(&library)) {
            found.push(format!("{}: depends on {library}", file.path));
        }
    }
    found
}

/// The rule holds for the workspace, and is not held by an empty folder.
fn check_folder(folder: &str, rule: fn(&[SourceFile]) -> Vec<String>) {
    assert!(!under(workspace(), folder, ".rs").is_empty(), "{folder} has no Rust file");
    assert_none(&rule(workspace()));
}

/// The rule finds the text when it stands at `path`, and nothing in `innocent`.
fn check_finds(rule: fn(&[SourceFile]) -> Vec<String>, path: &str, guilty: &[&str], innocent: &[&str]) {
    for text in guilty {
        assert!(!rule(&[SourceFile::new(path, text)]).is_empty(), "{text} passed");
    }
    for text in innocent {
        assert_none(&rule(&[SourceFile::new(path, text)]));
    }
}

#[test]
fn exposition_does_not_name_slurm() {
    check_folder("exporter/src/exposition", slurm_in_exposition);
    let path = "exporter/src/exposition/text.rs";
    check_finds(slurm_in_exposition, path, &["//! For SLURM.", "let a = \"slurm_up\";"], &["let up = 1;"]);
}

#[test]
fn collectors_import_neither_wire_nor_source() {
    check_folder("exporter/src/collectors", wire_or_source_in_collectors);
    let guilty = ["use crate::wire::Node;", "use crate::{model, source};", "let n = source::fetch();"];
    let innocent = ["use crate::model::Snapshot; // not crate::wire", "let source = 1;"];
    check_finds(wire_or_source_in_collectors, "exporter/src/collectors/nodes.rs", &guilty, &innocent);
}

#[test]
fn model_does_not_import_serde() {
    check_folder("exporter/src/model", serde_in_model);
    let guilty = ["use serde::Deserialize;", "#[derive(serde::Serialize)]"];
    check_finds(serde_in_model, "exporter/src/model/node.rs", &guilty, &["// no serde here"]);
}

#[test]
fn wire_does_no_io() {
    check_folder("exporter/src/wire", io_in_wire);
    let guilty =
        ["use tokio::io;", "use std::fs;", "use std::{fs, str};", "reqwest::get(u)", "std::net::IpAddr"];
    check_finds(io_in_wire, "exporter/src/wire/stream.rs", &guilty, &["use std::fmt;"]);
}

#[test]
fn the_simulated_cluster_knows_no_face_and_no_wall_clock() {
    check_folder("mock-slurmrestd/src/cluster", face_or_wall_clock_in_cluster);
    let guilty =
        ["use axum::Router;", "json!({})", "std::time::SystemTime::now()", "Instant::now()", "http::Uri"];
    let innocent = ["fn at(instant: Instant) {}", "// http and json are in other modules"];
    check_finds(face_or_wall_clock_in_cluster, "mock-slurmrestd/src/cluster/clock.rs", &guilty, &innocent);
}

#[test]
fn only_reports_render_draws() {
    assert_none(&drawing_outside_render(workspace()));
    let (import, entry) =
        (format!("use {}::prelude::*;", plot_library()), format!("{}.workspace = true", plot_library()));
    check_finds(drawing_outside_render, "loadtest/src/output.rs", &[&import], &["let plot = 1;"]);
    check_finds(drawing_outside_render, "loadtest/Cargo.toml", &[&entry], &["clap.workspace = true"]);
    check_finds(drawing_outside_render, "reports/src/render/plot.rs", &[], &[&import]);
    check_finds(drawing_outside_render, "reports/Cargo.toml", &[], &[&entry]);
}
