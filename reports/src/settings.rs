//! Settings in TOML: a built-in text, and a file over it that changes single keys.
//! It knows no key; what a value may be is checked by its type and by the caller.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

/// Why settings could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("{}: cannot be read", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{origin}: line {line}: {message}")]
    Syntax { origin: String, line: usize, message: String },
    #[error("{origin}: {message}")]
    Value { origin: String, message: String },
}

/// The text of a settings file.
///
/// # Errors
/// When it cannot be read.
pub fn read(path: &Path) -> Result<String, SettingsError> {
    std::fs::read_to_string(path).map_err(|source| SettingsError::Read { path: path.into(), source })
}

/// `text` over `built_in`, table by table and key by key; `origin` names it in errors.
///
/// # Errors
/// When `text` is not TOML, or both together are no `T`: an unknown key, a value of another type.
///
/// # Panics
/// When `built_in` is not TOML.
pub fn over<T: DeserializeOwned>(built_in: &str, text: &str, origin: &str) -> Result<T, SettingsError> {
    let over: toml::Table = toml::from_str(text).map_err(|error: toml::de::Error| {
        let before = error.span().map_or("", |span| text.get(..span.start).unwrap_or(""));
        let line = before.matches('\n').count() + 1;
        let message = error.message().lines().next().unwrap_or("not valid TOML").to_owned();
        SettingsError::Syntax { origin: origin.to_owned(), line, message }
    })?;
    let mut merged: toml::Table = toml::from_str(built_in).expect("built-in settings are TOML");
    merge(&mut merged, over);
    merged.try_into().map_err(|error: toml::de::Error| {
        let message = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        SettingsError::Value { origin: origin.to_owned(), message }
    })
}

/// Tables are merged key by key; any other value of `over` replaces the one below it.
fn merge(below: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (below.get_mut(&key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(over)) => merge(below, over),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::error_line;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Settings {
        list: Vec<u32>,
        inner: Inner,
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        a: u32,
        b: u32,
    }

    const BUILT_IN: &str = "list = [1, 2]\n[inner]\na = 1\nb = 2\n";

    #[test]
    fn a_file_replaces_single_keys_and_whole_lists() {
        let settings: Settings = over(BUILT_IN, "list = [3]\n[inner]\nb = 5\n", "x.toml").unwrap();
        assert_eq!(settings, Settings { list: vec![3], inner: Inner { a: 1, b: 5 } });
    }

    #[test]
    fn errors_are_one_line_with_file_and_place() {
        for (text, expected) in [
            ("list = []\n[inner\n", "x.toml: line 2: "),
            ("[inner]\nc = 1\n", "x.toml: unknown field `c`, expected `a` or `b`"),
            ("inner = 5\n", "x.toml: "),
        ] {
            let message = error_line(&over::<Settings>(BUILT_IN, text, "x.toml").unwrap_err());
            assert!(message.starts_with(expected) && !message.contains('\n'), "{message}");
        }
        let message = error_line(&read(Path::new("/nowhere/x.toml")).unwrap_err());
        assert_eq!(message, "/nowhere/x.toml: cannot be read: No such file or directory (os error 2)");
    }
}
