//! A page: every family's header once, then each cluster's unit in order, as bytes that are ready to send.
//! It never encodes or compresses; units are frozen by the `publisher` before they get here.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;

use super::{
    deflate::{Frozen, member},
    family::Desc,
};

/// The unit of publication: the samples of one family of one cluster, frozen.
#[derive(Debug)]
pub struct PageUnit {
    pub(super) desc: &'static Desc,
    pub(super) collector: &'static str,
    pub(super) cluster: Option<Arc<str>>,
    pub(super) samples: usize,
    pub(super) frozen: Frozen,
}

impl PageUnit {
    pub fn desc(&self) -> &'static Desc {
        self.desc
    }

    pub fn collector(&self) -> &'static str {
        self.collector
    }

    /// None for what belongs to no cluster.
    pub fn cluster(&self) -> Option<&str> {
        self.cluster.as_deref()
    }

    /// Number of series.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Uncompressed sample lines.
    pub fn identity(&self) -> &Bytes {
        &self.frozen.identity
    }
}

/// The header of a family and its units, one per cluster.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) header: Arc<Frozen>,
    pub(super) units: Vec<Arc<PageUnit>>,
}

/// Collectors and clusters that may be asked for, whether or not they have units at the moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    pub collectors: BTreeSet<String>,
    pub clusters: BTreeSet<String>,
}

/// An immutable, whole exposition. Chunks share the units' memory.
#[derive(Debug)]
pub struct Page {
    groups: Vec<Group>,
    names: Arc<Names>,
    identity: Vec<Bytes>,
    gzip: Vec<Bytes>,
    samples: usize,
}

impl Page {
    pub(super) fn new(groups: Vec<Group>, names: Arc<Names>) -> Page {
        let pieces = || groups.iter().flat_map(Group::pieces);
        let identity = pieces().map(|piece| piece.identity.clone()).collect();
        let gzip = member(pieces());
        let samples = groups.iter().flat_map(|group| &group.units).map(|unit| unit.samples).sum();
        Page { groups, names, identity, gzip, samples }
    }

    /// The same page with its gzip member in one chunk, for one write per response.
    pub(super) fn joined(mut self) -> Page {
        self.gzip = vec![self.gzip.concat().into()];
        self
    }

    /// A page of the chosen units, with the headers they need. Copies no bytes.
    pub fn select(&self, choose: impl Fn(&PageUnit) -> bool) -> Page {
        let chosen = |group: &Group| {
            let units: Vec<_> = group.units.iter().filter(|unit| choose(unit)).cloned().collect();
            (!units.is_empty()).then(|| Group { header: group.header.clone(), units })
        };
        Page::new(self.groups.iter().filter_map(chosen).collect(), self.names.clone())
    }

    /// The uncompressed text, in order.
    pub fn identity(&self) -> &[Bytes] {
        &self.identity
    }

    /// One gzip member, in order; a single chunk for a published page.
    pub fn gzip(&self) -> &[Bytes] {
        &self.gzip
    }

    pub fn names(&self) -> &Names {
        &self.names
    }

    pub fn units(&self) -> impl Iterator<Item = &PageUnit> {
        self.groups.iter().flat_map(|group| &group.units).map(AsRef::as_ref)
    }

    /// Number of series.
    pub fn samples(&self) -> usize {
        self.samples
    }
}

impl Group {
    fn pieces(&self) -> impl Iterator<Item = &Frozen> {
        std::iter::once(self.header.as_ref()).chain(self.units.iter().map(|unit| &unit.frozen))
    }
}
