//! Puts batches on the shelf and publishes a new whole page by one atomic store.
//! Writers take turns here; readers only load a pointer and never wait.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::{ArcSwap, ArcSwapOption};

use super::{
    family::Batch,
    page::{Format, Names, Page},
    rules::Rules,
    shelf::Shelf,
};

/// How long the OpenMetrics page is kept after it was last asked for: longer than any sensible scrape interval.
const KEPT_UNASKED: Duration = Duration::from_secs(600);

/// The current page and the only way to change it.
#[derive(Debug)]
pub struct Publisher {
    page: ArcSwap<Page>,
    /// There while somebody asks for it. Its units are those of `page`.
    openmetrics: ArcSwapOption<Page>,
    /// When it was last asked for, in seconds after `began`.
    openmetrics_asked: AtomicU64,
    began: Instant,
    shelf: Mutex<Shelf>,
}

impl Publisher {
    /// An empty page; `names` may be asked for before they have units.
    pub fn new(names: Names) -> Publisher {
        Publisher::with_rules(names, Rules::default())
    }

    /// The same, with what is done to each batch.
    pub fn with_rules(names: Names, rules: Rules) -> Publisher {
        let mut shelf = Shelf::new(names, rules);
        Publisher {
            page: ArcSwap::from_pointee(shelf.page(Format::Text)),
            openmetrics: ArcSwapOption::empty(),
            openmetrics_asked: AtomicU64::new(0),
            began: Instant::now(),
            shelf: Mutex::new(shelf),
        }
    }

    /// The current page: one atomic load.
    pub fn page(&self) -> Arc<Page> {
        self.page.load_full()
    }

    /// The current page as OpenMetrics: one atomic load. None while nobody has asked for it: then [`make_openmetrics`]
    /// makes it, which is nothing for a request's own thread.
    ///
    /// [`make_openmetrics`]: Publisher::make_openmetrics
    pub fn openmetrics(&self, now: Instant) -> Option<Arc<Page>> {
        self.openmetrics_asked.store(self.seconds(now), Ordering::Relaxed);
        self.openmetrics.load_full()
    }

    /// The current page as OpenMetrics, made now if need be and with every page from here on.
    pub fn make_openmetrics(&self) -> Arc<Page> {
        let mut shelf = self.shelf();
        self.openmetrics.load_full().unwrap_or_else(|| {
            let page = Arc::new(shelf.page(Format::OpenMetrics));
            self.openmetrics.store(Some(Arc::clone(&page)));
            page
        })
    }

    /// Drops the OpenMetrics page when nobody has asked for it for a while.
    pub fn forget_unasked(&self, now: Instant) {
        let asked = self.openmetrics_asked.load(Ordering::Relaxed);
        if self.seconds(now).saturating_sub(asked) > KEPT_UNASKED.as_secs() {
            // Under the writers' lock: a page that is being replaced must not come back.
            let _shelf = self.shelf();
            self.openmetrics.store(None);
        }
    }

    /// Replaces, in one step, everything that each batch's collector published before for its cluster.
    /// An empty batch withdraws it. Unchanged families keep their compressed bytes. Gives the page that came of it.
    pub fn replace(&self, batches: impl IntoIterator<Item = Batch>) -> Arc<Page> {
        let mut shelf = self.shelf();
        let mut changed = false;
        for batch in batches {
            changed |= shelf.replace(batch);
        }
        if changed {
            self.publish(&mut shelf);
        }
        self.page()
    }

    /// From now on only these names may be asked for, and what belongs to no such collector or cluster is withdrawn.
    pub fn retain(&self, names: Names) {
        let mut shelf = self.shelf();
        shelf.retain(names);
        self.publish(&mut shelf);
    }

    /// Still under the writers' lock: a later page must not be overtaken by this one.
    fn publish(&self, shelf: &mut Shelf) {
        self.page.store(Arc::new(shelf.page(Format::Text)));
        if self.openmetrics.load().is_some() {
            self.openmetrics.store(Some(Arc::new(shelf.page(Format::OpenMetrics))));
        }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seconds(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.began).as_secs()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeMap,
        io::Read,
        sync::atomic::{AtomicBool, Ordering},
    };

    use proptest::prelude::*;

    use super::*;
    use crate::exposition::{Desc, Kind, Level, Limits, PageUnit, Unit, strict_reader};

    const fn desc(name: &'static str, kind: Kind, labels: &'static [&'static str]) -> Desc {
        Desc { name, help: "What it is.", kind, unit: Unit::None, labels, level: Level::Important }
    }

    static NODES: Desc = desc("nodes", Kind::Gauge, &["state"]);
    static JOBS: Desc = desc("jobs_total", Kind::Counter, &["user"]);
    static WAIT: Desc = desc("wait_seconds", Kind::Histogram, &[]);
    static UP: Desc = desc("up", Kind::Gauge, &[]);
    static CPUS: Desc = desc("cpus", Kind::Gauge, &["user"]);
    static OWN: Desc = Desc { level: Level::Own, ..desc("own", Kind::Gauge, &["user"]) };

    fn batch(
        collector: &'static str,
        cluster: Option<&str>,
        samples: &[(&'static Desc, &[&str], f64)],
    ) -> Batch {
        let mut batch = Batch::new(collector, cluster);
        for &(desc, labels, value) in samples {
            batch.family(desc).sample(labels, value);
        }
        batch
    }

    fn identity(page: &Page) -> String {
        String::from_utf8(page.identity().concat()).unwrap()
    }

    fn inflated(page: &Page) -> String {
        let bytes = page.gzip().concat();
        let mut decoder = flate2::bufread::GzDecoder::new(&bytes[..]);
        let mut text = String::new();
        decoder.read_to_string(&mut text).unwrap();
        assert!(decoder.into_inner().is_empty(), "the page is one member");
        text
    }

    fn two_clusters() -> Publisher {
        let publisher = Publisher::new(Names::default());
        publisher.replace([
            batch("nodes", Some("b"), &[(&NODES, &["idle"], 2.0)]),
            batch("nodes", Some("a"), &[(&NODES, &["idle"], 1.0), (&NODES, &["down"], 4.0)]),
            batch("jobs", Some("a"), &[(&JOBS, &["ann"], 7.0)]),
            batch("own", None, &[(&UP, &[], 1.0)]),
        ]);
        publisher
    }

    #[test]
    fn a_page_has_each_header_once_then_every_cluster_in_order() {
        let page = two_clusters().page();
        let expected = "# HELP jobs_total What it is.\n# TYPE jobs_total counter\n\
                        jobs_total{cluster=\"a\",user=\"ann\"} 7\n\
                        # HELP nodes What it is.\n# TYPE nodes gauge\n\
                        nodes{cluster=\"a\",state=\"idle\"} 1\nnodes{cluster=\"a\",state=\"down\"} 4\n\
                        nodes{cluster=\"b\",state=\"idle\"} 2\n\
                        # HELP up What it is.\n# TYPE up gauge\nup 1\n";
        assert_eq!(identity(&page), expected);
        assert_eq!(inflated(&page), expected);
        assert_eq!(page.gzip().len(), 1, "one write sends it");
        assert_eq!(page.samples(), 5);
    }

    #[test]
    fn a_family_without_samples_is_not_published() {
        let publisher = Publisher::new(Names::default());
        let mut batch = Batch::new("nodes", None);
        batch.family(&NODES);
        publisher.replace([batch]);
        assert_eq!(identity(&publisher.page()), "");
        assert_eq!(inflated(&publisher.page()), "");
    }

    #[test]
    fn replacing_removes_what_vanished_and_an_empty_batch_withdraws() {
        let publisher = two_clusters();
        publisher.replace([batch("nodes", Some("a"), &[(&NODES, &["idle"], 9.0)])]);
        let text = identity(&publisher.page());
        assert!(text.contains("nodes{cluster=\"a\",state=\"idle\"} 9\n") && !text.contains("down"), "{text}");
        assert!(text.contains("nodes{cluster=\"b\",state=\"idle\"} 2\n"), "{text}");
        publisher.replace([Batch::new("nodes", Some("a")), Batch::new("jobs", Some("a"))]);
        let text = identity(&publisher.page());
        assert!(!text.contains("cluster=\"a\"") && !text.contains("jobs_total"), "{text}");
        assert_eq!(inflated(&publisher.page()), text);
        assert!(publisher.page().names().collectors.contains("jobs"), "still a known name");
    }

    #[test]
    fn what_is_no_longer_named_is_withdrawn() {
        let publisher = two_clusters();
        let names = |collectors: &[&str], clusters: &[&str]| Names {
            collectors: collectors.iter().map(|name| (*name).to_owned()).collect(),
            clusters: clusters.iter().map(|name| (*name).to_owned()).collect(),
        };
        publisher.retain(names(&["nodes", "own", "new"], &["b", "c"]));
        let page = publisher.page();
        let expected = "# HELP nodes What it is.\n# TYPE nodes gauge\nnodes{cluster=\"b\",state=\"idle\"} 2\n\
                        # HELP up What it is.\n# TYPE up gauge\nup 1\n";
        assert_eq!(identity(&page), expected);
        assert_eq!(*page.names(), names(&["nodes", "own", "new"], &["b", "c"]));
    }

    #[test]
    fn an_unchanged_family_keeps_its_unit_and_an_unchanged_page_stays() {
        let publisher = two_clusters();
        let before = publisher.page();
        publisher.replace([batch("own", None, &[(&UP, &[], 1.0)])]);
        assert!(Arc::ptr_eq(&before, &publisher.page()));
        publisher.replace([batch("own", None, &[(&UP, &[], 0.0)])]);
        let after = publisher.page();
        assert!(!Arc::ptr_eq(&before, &after));
        let shared = |page: &Page| page.units().map(|unit| unit.identity().as_ptr()).collect::<Vec<_>>();
        assert_eq!(shared(&before)[..3], shared(&after)[..3]);
        assert!(before.units().any(|unit| unit.identity() == "up 1\n"), "a loaded page never changes");
    }

    #[test]
    fn a_selection_is_whole_units_with_their_headers() {
        let page = two_clusters().page();
        let only_b = page.select(|unit| unit.cluster() == Some("b"));
        let expected =
            "# HELP nodes What it is.\n# TYPE nodes gauge\nnodes{cluster=\"b\",state=\"idle\"} 2\n";
        assert_eq!(identity(&only_b), expected);
        assert_eq!(inflated(&only_b), expected);
        assert_eq!(only_b.samples(), 1);
        let without_jobs = page.select(|unit| unit.collector() != "jobs");
        assert_eq!(inflated(&without_jobs), identity(&without_jobs));
        assert_eq!(without_jobs.units().count(), 3);
        assert_eq!(identity(&page.select(|_| false)), "");
    }

    #[test]
    fn openmetrics_shares_the_units_and_is_kept_while_somebody_asks() {
        let publisher = two_clusters();
        let start = publisher.began;
        assert!(publisher.openmetrics(start).is_none(), "nobody has asked yet");
        let page = publisher.make_openmetrics();
        let expected = "# TYPE jobs counter\n# HELP jobs What it is.\n\
                        jobs_total{cluster=\"a\",user=\"ann\"} 7\n\
                        # TYPE nodes gauge\n# HELP nodes What it is.\n\
                        nodes{cluster=\"a\",state=\"idle\"} 1\nnodes{cluster=\"a\",state=\"down\"} 4\n\
                        nodes{cluster=\"b\",state=\"idle\"} 2\n\
                        # TYPE up gauge\n# HELP up What it is.\nup 1\n# EOF\n";
        assert_eq!(identity(&page), expected);
        assert_eq!(inflated(&page), expected);
        assert_eq!((page.format(), publisher.page().format()), (Format::OpenMetrics, Format::Text));
        for (text, openmetrics) in publisher.page().units().zip(page.units()) {
            assert_eq!(text.identity().as_ptr(), openmetrics.identity().as_ptr(), "no second copy");
        }
        assert!(Arc::ptr_eq(&page, &publisher.make_openmetrics()), "made once");
        assert_eq!(identity(&page.select(|_| false)), "# EOF\n");

        publisher.replace([batch("own", None, &[(&UP, &[], 0.0)])]);
        let asked = start + Duration::from_secs(100);
        assert!(identity(&publisher.openmetrics(asked).unwrap()).ends_with("up 0\n# EOF\n"));
        publisher.forget_unasked(asked + KEPT_UNASKED);
        assert!(publisher.openmetrics.load().is_some());
        publisher.forget_unasked(asked + KEPT_UNASKED + Duration::from_secs(1));
        assert!(publisher.openmetrics.load().is_none());
        publisher.replace([batch("own", None, &[(&UP, &[], 1.0)])]);
        assert!(publisher.openmetrics.load().is_none(), "nothing is made for nobody");
    }

    fn limited(rules: Rules) -> Publisher {
        Publisher::with_rules(Names::default(), rules)
    }

    fn dropped(publisher: &Publisher) -> Vec<(String, u64)> {
        publisher.page().dropped().map(|(family, series)| (family.to_owned(), series)).collect()
    }

    #[test]
    fn rules_rename_and_filter_whole_families_in_both_formats() {
        let rules = Rules {
            prefix: Some(("jobs", "hpc_jobs".to_owned())),
            exclude: vec![crate::exposition::anchored("nodes").unwrap()],
            ..Rules::default()
        };
        let publisher = limited(rules);
        publisher.replace([batch(
            "all",
            None,
            &[(&JOBS, &["jobs_total x"], 7.0), (&JOBS, &["b"], 8.0), (&NODES, &["idle"], 1.0)],
        )]);
        let expected = "# HELP hpc_jobs_total What it is.\n# TYPE hpc_jobs_total counter\n\
                        hpc_jobs_total{user=\"jobs_total x\"} 7\nhpc_jobs_total{user=\"b\"} 8\n";
        assert_eq!(identity(&publisher.page()), expected);
        let openmetrics = identity(&publisher.make_openmetrics());
        assert!(openmetrics.starts_with("# TYPE hpc_jobs counter\n# HELP hpc_jobs "), "{openmetrics}");
        assert!(publisher.page().units().all(|unit| unit.name() == "hpc_jobs_total"));
        assert_eq!(dropped(&publisher), [], "what is not wanted is not dropped");
    }

    #[test]
    fn what_the_limits_take_is_told_per_family_and_once_it_fits_no_more() {
        let labels = [("user", 2)].into();
        let publisher = limited(Rules { limits: Limits { labels, ..Limits::default() }, ..Rules::default() });
        let users = |count: usize| {
            let names: Vec<_> = (0..count).map(|user| format!("user{user}")).collect();
            let mut batch = Batch::new("users", Some("a"));
            for (at, name) in (1_u64..).zip(&names) {
                batch.family(&CPUS).sample(&[name], at);
            }
            batch
        };
        publisher.replace([users(5)]);
        let text = identity(&publisher.page());
        assert!(
            text.ends_with("cpus{cluster=\"a\",user=\"user4\"} 5\ncpus{cluster=\"a\",user=\"other\"} 10\n"),
            "{text}"
        );
        assert_eq!(dropped(&publisher), [("cpus".to_owned(), 3)]);
        publisher.replace([users(2)]);
        assert_eq!(publisher.page().samples(), 2);
        assert_eq!(dropped(&publisher), []);
    }

    #[test]
    fn a_full_page_gives_up_its_finest_families_and_never_the_exporter_s_own() {
        let limits = Limits { max_series: Some(100), subjects: &["user"], ..Limits::default() };
        let publisher = limited(Rules { limits, ..Rules::default() });
        let samples = |desc: &'static Desc, collector, count: usize| {
            let mut batch = Batch::new(collector, Some("a"));
            for at in 0..count {
                batch.family(desc).sample(&[at.to_string().as_str()], 1_u64);
            }
            batch
        };
        let of = |name: &str| {
            let page = publisher.page();
            page.units().filter(|unit| unit.name() == name).map(PageUnit::samples).sum::<usize>()
        };
        // Folds into what is left, less a twentieth of the whole.
        publisher.replace([samples(&NODES, "nodes", 60), samples(&CPUS, "users", 80)]);
        assert_eq!((of("nodes"), of("cpus")), (60, 35));
        assert_eq!(dropped(&publisher), [("cpus".to_owned(), 45)]);
        let sum: f64 = strict_reader::read(&identity(&publisher.page())).unwrap().values().sum();
        assert_eq!(sum, 140.0, "sums stay right");
        // A counter would have to jump, so it goes as a whole; a coarser family takes the place of a finer one.
        publisher.replace([samples(&JOBS, "life", 10), samples(&NODES, "nodes", 90)]);
        assert_eq!((of("nodes"), of("cpus"), of("jobs_total")), (90, 0, 0));
        assert_eq!(dropped(&publisher), [("cpus".to_owned(), 80), ("jobs_total".to_owned(), 10)]);
        publisher.replace([samples(&OWN, "own", 200)]);
        assert_eq!((of("nodes"), of("own")), (0, 200));
    }

    #[test]
    fn a_full_page_gives_up_first_and_last_what_is_named_so() {
        let left = |first: &[&str], last: &[&str]| {
            let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            let limits = Limits {
                max_series: Some(100),
                subjects: &["user"],
                first: named(first),
                last: named(last),
                ..Limits::default()
            };
            let publisher = limited(Rules { limits, ..Rules::default() });
            for (desc, count) in [(&NODES, 60), (&CPUS, 80)] {
                let mut batch = Batch::new(desc.name, Some("a"));
                for at in 0..count {
                    batch.family(desc).sample(&[at.to_string().as_str()], 1_u64);
                }
                publisher.replace([batch]);
            }
            publisher.page().units().map(|unit| (unit.name().to_owned(), unit.samples())).collect::<Vec<_>>()
        };
        assert_eq!(left(&[], &[]), [("cpus".to_owned(), 35), ("nodes".to_owned(), 60)]);
        assert_eq!(left(&["nodes"], &[]), [("cpus".to_owned(), 80)]);
        assert_eq!(left(&[], &["cpus"]), [("cpus".to_owned(), 80)]);
        assert_eq!(left(&["nodes"], &["nodes"]), left(&[], &[]), "to be the last counts more");
    }

    #[test]
    fn created_is_told_where_it_is_known_and_wanted() {
        let page = |created| {
            let publisher = Publisher::with_rules(Names::default(), Rules { created, ..Rules::default() });
            let mut own = batch("own", None, &[(&JOBS, &["ann"], 7.0), (&UP, &[], 1.0)]);
            own.family(&WAIT).histogram(&[], &[], &[2], 1.5);
            own.began_at(1.5e9);
            publisher.replace([own]);
            let page = identity(&publisher.make_openmetrics());
            strict_reader::read_openmetrics(&page).unwrap();
            assert!(!identity(&publisher.page()).contains("_created"), "text has no such thing");
            page
        };
        assert!(!page(false).contains("_created"));
        let page = page(true);
        for line in ["jobs_created{user=\"ann\"} 1500000000\n", "wait_seconds_created 1500000000\n"] {
            assert!(page.contains(line), "{page}");
        }
        assert_eq!(page.matches("_created").count(), 2, "{page}");
    }

    #[test]
    fn the_same_lines_with_another_beginning_are_not_the_same() {
        let publisher = limited(Rules { created: true, ..Rules::default() });
        let page = |began_at: Option<f64>| {
            let mut jobs = batch("jobs", None, &[(&JOBS, &["ann"], 7.0)]);
            began_at.into_iter().for_each(|at| jobs.began_at(at));
            publisher.replace([jobs]);
            identity(&publisher.make_openmetrics())
        };
        assert!(page(Some(5.0)).contains("jobs_created{user=\"ann\"} 5\n"));
        assert!(page(Some(6.0)).contains("jobs_created{user=\"ann\"} 6\n"));
        assert!(!page(None).contains("_created"));
    }

    #[test]
    fn readers_see_only_whole_pages_while_a_writer_republishes() {
        let publisher = Publisher::new(Names::default());
        let generation = |value: u32| {
            let mut nodes = Batch::new("nodes", Some("a"));
            let mut jobs = Batch::new("jobs", Some("a"));
            for label in ["x", "y", "z"] {
                nodes.family(&NODES).sample(&[label], value);
                jobs.family(&JOBS).sample(&[label], value);
            }
            [nodes, jobs]
        };
        publisher.replace(generation(0));
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut seen = 0_u32;
                while !done.load(Ordering::Acquire) || seen == 0 {
                    let page = publisher.page();
                    let text = inflated(&page);
                    assert_eq!(text, identity(&page));
                    let samples = strict_reader::read(&text).unwrap();
                    assert_eq!(samples.len(), 6);
                    let openmetrics = inflated(&publisher.make_openmetrics());
                    assert_eq!(strict_reader::read_openmetrics(&openmetrics).unwrap().len(), 6);
                    assert!(
                        samples.values().all(|value| value == samples.values().next().unwrap()),
                        "{text}"
                    );
                    seen += 1;
                }
            });
            for value in 1..500 {
                publisher.replace(generation(value));
            }
            done.store(true, Ordering::Release);
            reader.join().unwrap();
        });
    }

    fn any_value() -> impl Strategy<Value = f64> {
        prop_oneof![
            any::<f64>(),
            Just(f64::INFINITY),
            Just(f64::NEG_INFINITY),
            (-1e6..1e6_f64).prop_map(f64::trunc)
        ]
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_back(
            nodes in proptest::collection::btree_map(any::<String>(), any_value(), 0..20),
            jobs in proptest::collection::btree_map(any::<String>(), any_value(), 0..20),
            counts in proptest::collection::vec(0_u32..1000, 3),
            cluster in proptest::option::of(any::<String>()),
        ) {
            let mut expected = BTreeMap::new();
            let constant = |labels: &[(&str, &str)]| {
                let cluster = cluster.iter().map(|cluster| ("cluster".to_owned(), cluster.clone()));
                cluster.chain(labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))).collect::<Vec<_>>()
            };
            let mut batch = Batch::new("any", cluster.as_deref());
            for (label, value) in &nodes {
                batch.family(&NODES).sample(&[label], *value);
                expected.insert(("nodes".to_owned(), constant(&[("state", label)])), value.to_bits());
            }
            for (label, value) in &jobs {
                batch.family(&JOBS).sample(&[label], *value);
                expected.insert(("jobs_total".to_owned(), constant(&[("user", label)])), value.to_bits());
            }
            let cumulative: Vec<u64> = counts.iter().scan(0, |sum, count| { *sum += u64::from(*count); Some(*sum) }).collect();
            batch.family(&WAIT).histogram(&[], &[0.5, 10.0], &cumulative, 1.5);
            for (bound, count) in ["0.5", "10.0", "+Inf"].iter().zip(&cumulative) {
                expected.insert(("wait_seconds_bucket".to_owned(), constant(&[("le", bound)])), (*count as f64).to_bits());
            }
            expected.insert(("wait_seconds_sum".to_owned(), constant(&[])), 1.5_f64.to_bits());
            expected.insert(("wait_seconds_count".to_owned(), constant(&[])), (cumulative[2] as f64).to_bits());

            let publisher = Publisher::new(Names::default());
            publisher.replace([batch]);
            let page = publisher.page();
            prop_assert_eq!(page.samples(), expected.len());
            let text = inflated(&page);
            prop_assert_eq!(&text, &identity(&page));
            let read = strict_reader::read(&text).map_err(TestCaseError::fail)?;
            let openmetrics = publisher.make_openmetrics();
            let openmetrics = strict_reader::read_openmetrics(&inflated(&openmetrics)).map_err(TestCaseError::fail)?;
            prop_assert_eq!(format!("{openmetrics:?}"), format!("{read:?}"));
            // A negative zero is written as 0, every NaN as NaN.
            let normal = |bits: u64| {
                let value = f64::from_bits(bits);
                if value.is_nan() { f64::NAN.to_bits() } else { (value + 0.0).to_bits() }
            };
            let read: BTreeMap<_, _> = read.into_iter().map(|(series, value)| (series, normal(value.to_bits()))).collect();
            let expected: BTreeMap<_, _> = expected.into_iter().map(|(series, bits)| (series, normal(bits))).collect();
            prop_assert_eq!(read, expected);
        }
    }
}
