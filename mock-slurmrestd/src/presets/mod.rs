//! Ready-made clusters after the field's size classes, one file each.
//! Not here: what a size means (cluster/size.rs).
//!
//! A preset is one file with a `pub(super) const PRESET` and one line in [`PRESETS`].

mod enterprise;
mod gpu;
mod large;
mod medium;
mod small;
mod tiny;

use crate::cluster::Size;

/// A named size.
#[derive(Clone, Debug, PartialEq)]
pub struct Preset {
    pub name: &'static str,
    pub summary: &'static str,
    /// `20 nodes, 100 jobs, 120 jobs/h`
    pub size_in_words: &'static str,
    pub size: Size,
}

/// All presets, smallest first, then the special ones.
pub const PRESETS: [Preset; 6] =
    [tiny::PRESET, small::PRESET, medium::PRESET, large::PRESET, enterprise::PRESET, gpu::PRESET];

pub fn by_name(name: &str) -> Option<Preset> {
    PRESETS.into_iter().find(|preset| preset.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_in_the_registry_once_under_its_name() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/presets");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .filter(|stem| stem != "mod")
            .collect();
        let mut registered: Vec<String> = PRESETS.iter().map(|preset| preset.name.to_owned()).collect();
        files.sort();
        registered.sort();
        assert_eq!(files, registered);
    }
}
