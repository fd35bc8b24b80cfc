//! A page: every family's header once, then each cluster's unit in order, as bytes that are ready to send.
//! It never encodes or compresses; units are frozen by the `publisher` before they get here.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
};

use bytes::Bytes;

use super::{
    deflate::{Frozen, member},
    family::Desc,
    openmetrics, text,
};

/// How a page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// The text format 0.0.4.
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Format {
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Text => text::CONTENT_TYPE,
            Format::OpenMetrics => openmetrics::CONTENT_TYPE,
        }
    }
}

/// The unit of publication: the samples of one family of one cluster, frozen.
#[derive(Debug)]
pub struct PageUnit {
    pub(super) desc: &'static Desc,
    pub(super) name: Cow<'static, str>,
    pub(super) collector: &'static str,
    pub(super) cluster: Option<Arc<str>>,
    pub(super) samples: usize,
    pub(super) frozen: Frozen,
    /// When its counting began, in Unix seconds, where that is known and wanted.
    pub(super) began_at: Option<f64>,
    /// The same lines with `_created` ones between them; made when OpenMetrics is asked for.
    pub(super) with_created: OnceLock<Frozen>,
}

impl PageUnit {
    pub fn desc(&self) -> &'static Desc {
        self.desc
    }

    /// The family's name as published, which a prefix makes another than the declared one.
    pub fn name(&self) -> &str {
        &self.name
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

    /// Uncompressed sample lines, as in the text format.
    pub fn identity(&self) -> &Bytes {
        &self.frozen.identity
    }

    fn piece(&self, format: Format) -> &Frozen {
        match format {
            Format::Text => &self.frozen,
            Format::OpenMetrics => self.with_created.get().unwrap_or(&self.frozen),
        }
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

/// What stands around the groups of a page.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) format: Format,
    /// The last line, where the format has one.
    pub(super) end: Option<Arc<Frozen>>,
    pub(super) names: Arc<Names>,
    pub(super) max_series: Option<usize>,
    pub(super) dropped: Arc<BTreeMap<Cow<'static, str>, u64>>,
}

/// An immutable, whole exposition. Chunks share the units' memory.
#[derive(Debug)]
pub struct Page {
    groups: Vec<Group>,
    frame: Frame,
    identity: Vec<Bytes>,
    gzip: Vec<Bytes>,
    samples: usize,
}

impl Page {
    pub(super) fn new(groups: Vec<Group>, frame: Frame) -> Page {
        let end = frame.end.as_deref();
        let pieces = || groups.iter().flat_map(|group| group.pieces(frame.format)).chain(end);
        let identity = pieces().map(|piece| piece.identity.clone()).collect();
        let gzip = member(pieces());
        let samples = groups.iter().flat_map(|group| &group.units).map(|unit| unit.samples).sum();
        Page { groups, frame, identity, gzip, samples }
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
        Page::new(self.groups.iter().filter_map(chosen).collect(), self.frame.clone())
    }

    /// The uncompressed text, in order.
    pub fn identity(&self) -> &[Bytes] {
        &self.identity
    }

    /// One gzip member, in order; a single chunk for a published page.
    pub fn gzip(&self) -> &[Bytes] {
        &self.gzip
    }

    pub fn format(&self) -> Format {
        self.frame.format
    }

    pub fn names(&self) -> &Names {
        &self.frame.names
    }

    pub fn units(&self) -> impl Iterator<Item = &PageUnit> {
        self.groups.iter().flat_map(|group| &group.units).map(AsRef::as_ref)
    }

    /// The most series that a page may have.
    pub fn max_series(&self) -> Option<usize> {
        self.frame.max_series
    }

    /// How many series the limits took from each family at its last refresh: folded into another or left out.
    pub fn dropped(&self) -> impl Iterator<Item = (&str, u64)> {
        self.frame.dropped.iter().map(|(family, series)| (family.as_ref(), *series))
    }

    /// Number of series, `_created` ones apart.
    pub fn samples(&self) -> usize {
        self.samples
    }
}

impl Group {
    fn pieces(&self, format: Format) -> impl Iterator<Item = &Frozen> {
        std::iter::once(self.header.as_ref()).chain(self.units.iter().map(move |unit| unit.piece(format)))
    }
}
