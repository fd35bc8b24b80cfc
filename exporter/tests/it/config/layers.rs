//! Every key can be set in the file, as a variable and as a flag, each of which overrides the one before, and `/config`
//! says where its value comes from.

use std::path::Path;

use exporter::cli;
use exporter::config::{self, Inputs, Key, Setting};

use super::{URL, written};

/// A value that the key takes.
fn sample(key: &Key) -> &'static str {
    match (key.path, key.value) {
        ("slurm.url", _) => "http://127.0.0.1:6820",
        ("metrics.legacy", _) => "native",
        ("collectors.nodes.states", _) => "idle",
        ("collectors.jobs.states", _) => "running",
        (_, _) if !key.default.is_empty() => key.default,
        (_, "DURATION") => "30s",
        (_, "URL") => "http://127.0.0.1:3128",
        (_, "REGEX,...") => "slurm_.*",
        (_, "NUMBER|none") => "7",
        (_, value) if value.ends_with(",...") => "word",
        _ => "word",
    }
}

/// What else has to be set for the key to make sense.
fn companion(key: &Key) -> Option<(&'static str, &'static str)> {
    match key.path {
        "slurm.tls.cert_file" => Some(("SLURM_EXPORTER_SLURM_TLS_KEY_FILE", "word")),
        "slurm.tls.key_file" => Some(("SLURM_EXPORTER_SLURM_TLS_CERT_FILE", "word")),
        "ha.lease" | "ha.lock_file" => Some(("SLURM_EXPORTER_HA_LEADER_ELECTION", "true")),
        "slurm.recorded.directory" => Some(("SLURM_EXPORTER_SLURM_SOURCE", "recorded")),
        _ => None,
    }
}

/// The key alone in a file: `slurm: {auth: {user: "word"}}`.
fn yaml(key: &Key) -> String {
    let value = format!("{:?}", sample(key));
    let value =
        if key.value.ends_with(",...") { format!("[{}]", value.replace(',', "\",\"")) } else { value };
    key.path.rsplit('.').fold(value, |inner, name| format!("{{{name}: {inner}}}"))
}

/// The line of `/config` about the key.
fn line(key: &Key, file: &Path, variables: &[(String, String)], flag: Option<Setting>) -> String {
    let inputs = Inputs::new(Some(file.to_owned()), variables, flag.into_iter().collect());
    let page = inputs.load().unwrap_or_else(|errors| panic!("{}: {errors}", key.path)).settings.page(&[]);
    let line = page.lines().find(|line| line.starts_with(&format!("{}: ", key.path)));
    line.unwrap_or_else(|| panic!("{} is not on the page: {page}", key.path)).to_owned()
}

#[test]
fn every_key_is_set_by_file_variable_and_flag_in_this_order() {
    for key in config::keys() {
        let file = written(&yaml(key));
        let mut variables = vec![(URL.0.to_owned(), URL.1.to_owned())];
        variables.extend(companion(key).map(|(name, value)| (name.to_owned(), value.to_owned())));
        variables.retain(|(name, _)| *name != key.variable());
        let with_variable = [variables.clone(), vec![(key.variable(), sample(key).to_owned())]].concat();
        let flag = Setting { key, flag: key.flag_name(), text: sample(key).to_owned() };
        let from_file = line(key, &file.path, &variables, None);
        assert!(from_file.contains("config.yaml:1:"), "{from_file}");
        let from_variable = line(key, &file.path, &with_variable, None);
        assert!(from_variable.ends_with(&format!("# {}", key.variable())), "{from_variable}");
        let from_flag = line(key, &file.path, &with_variable, Some(flag));
        assert!(from_flag.ends_with(&format!("# --{}", key.flag_name())), "{from_flag}");
    }
}

#[test]
fn the_short_help_is_short_and_the_long_one_whole() {
    let mut command = cli::command();
    let long = command.render_long_help().to_string();
    for key in config::keys() {
        assert!(long.contains(&format!("--{}", key.flag_name())), "{}", key.path);
    }
    let short = command.render_help().to_string();
    assert!(short.contains("--slurm.url") && !short.contains("--collection.retry-backoff"), "{short}");
}
