//! The plots of a run as SVG: latency over time, percentiles, rate, errors, in-flight, CPU and memory.
//! Which plots there are follows from what the record holds; nothing is drawn for what was not measured.

mod axis;
mod chart;

use axis::Axis;
use chart::{BLUE, Band, Chart, GREEN, Line, ORANGE, RED, SHADE};

use crate::model::RunRecord;
use crate::model::run::{Resources, Second};
use crate::sla::fewest_samples;

/// More points than this are not told apart on a screen; seconds are then put together.
const MOST_POINTS: usize = 480;
const MIB: f64 = 1_048_576.0;

/// One plot with its heading.
#[derive(Clone, Debug)]
pub struct Plot {
    pub title: &'static str,
    /// What the reader must know to read it; may be empty.
    pub note: String,
    /// The SVG element, or why it could not be drawn.
    pub svg: Result<String, String>,
}

/// All plots that the record has data for, in reading order.
pub fn plots(run: &RunRecord) -> Vec<Plot> {
    let subject = run.subject.as_ref();
    [
        latency(run),
        percentiles(run),
        rate(run),
        errors(run),
        in_flight(run),
        subject.and_then(|used| cpu("CPU of the target", used, run)),
        subject.and_then(|used| memory("Memory of the target", used, run)),
        run.generator.as_ref().and_then(|used| cpu("CPU of the load generator", used, run)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Seconds put together: `size` in a row, so that a long run has as many points as a screen can show.
struct Buckets<'a> {
    size: usize,
    groups: Vec<&'a [Second]>,
}

impl<'a> Buckets<'a> {
    fn new(seconds: &'a [Second]) -> Self {
        let size = seconds.len().div_ceil(MOST_POINTS).max(1);
        Self { size, groups: seconds.chunks(size).collect() }
    }

    fn points(&self, value: impl Fn(&'a [Second]) -> Option<f64>) -> Vec<(f64, Option<f64>)> {
        let at = |group: &[Second]| group.first().map_or(0.0, |second| f64::from(second.offset));
        self.groups.iter().map(|group| (at(group), value(group))).collect()
    }

    /// The largest of a bucket: percentiles are never averaged.
    fn worst(&self, value: impl Fn(&Second) -> Option<f64>) -> Vec<(f64, Option<f64>)> {
        self.points(|group| group.iter().filter_map(&value).max_by(f64::total_cmp))
    }

    fn mean(&self, value: impl Fn(&Second) -> Option<f64>) -> Vec<(f64, Option<f64>)> {
        self.points(|group| {
            let known: Vec<f64> = group.iter().filter_map(&value).collect();
            (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
        })
    }

    fn note(&self, kind: &str) -> String {
        if self.size > 1 {
            format!("Each point is the {kind} of {} seconds.", self.size)
        } else {
            String::new()
        }
    }
}

fn latency(run: &RunRecord) -> Option<Plot> {
    let buckets = Buckets::new(&run.seconds);
    let unit = LatencyUnit::of(highest(run.seconds.iter().filter_map(|second| second.max_us))? as f64);
    let line = |name, colour, width, of: fn(&Second) -> Option<u64>| Line {
        name,
        colour,
        width,
        points: buckets.worst(|second| of(second).map(|us| unit.scaled(us as f64))),
        filled: false,
    };
    let lines = vec![
        line("p50", BLUE, 2, |second| second.p50_us),
        line("p95", GREEN, 1, |second| second.p95_us),
        line("p99", ORANGE, 1, |second| second.p99_us),
        line("max", SHADE, 1, |second| second.max_us),
    ];
    let bands = [GREEN, ORANGE].into_iter().enumerate().map(|(index, colour)| Band {
        colour,
        low: lines[index].points.clone(),
        high: lines[index + 1].points.clone(),
    });
    let bands = bands.collect();
    let y = latency_axis(&unit, lines.iter().flat_map(|line| &line.points).filter_map(|(_, y)| *y))?;
    let chart = Chart { x: time_axis(run), y, shaded: warm_up(run), bands, lines };
    let mut note = buckets.note("worst");
    let busiest = highest(run.seconds.iter().map(|second| second.requests)).unwrap_or(0);
    if busiest < 100 {
        note.push_str(if note.is_empty() { "" } else { " " });
        note.push_str("Below 100 requests in a second its p99 is its maximum.");
    }
    Some(Plot { title: "Latency, second by second", note, svg: chart.svg() })
}

fn percentiles(run: &RunRecord) -> Option<Plot> {
    let latency = run.latency();
    let unit = LatencyUnit::of(latency.max()?.as_micros() as f64);
    // Beyond this quantile the sample does not tell: see `fewest_samples`.
    let told = |quantile: &f64| *quantile == 0.0 || fewest_samples(*quantile) <= latency.count();
    let steps = (0..=500).map(|step| 1.0 - 10_f64.powf(-f64::from(step) / 100.0));
    let points: Vec<_> = steps
        .filter(told)
        .filter_map(|quantile| Some((quantile, unit.scaled(latency.quantile(quantile)?.as_micros() as f64))))
        .collect();
    let (highest, _) = *points.last().filter(|(quantile, _)| *quantile >= 0.5)?;
    let y = latency_axis(&unit, points.iter().map(|(_, y)| *y))?;
    let points = points.into_iter().map(|(x, y)| (x, Some(y))).collect();
    let lines = vec![Line { name: "all requests", colour: BLUE, width: 2, points, filled: true }];
    let chart = Chart { x: Axis::tail(highest), y, shaded: None, bands: Vec::new(), lines };
    let note = "Drawn as far as the number of requests can tell.".into();
    Some(Plot { title: "Latency by percentile", note, svg: chart.svg() })
}

fn rate(run: &RunRecord) -> Option<Plot> {
    let buckets = Buckets::new(&run.seconds);
    let points = buckets.mean(|second| Some(second.requests as f64));
    let mut lines = vec![Line { name: "answered", colour: BLUE, width: 1, points, filled: false }];
    if run.seconds.iter().any(|second| second.offered.is_some()) {
        let points = buckets.mean(|second| second.offered);
        lines.push(Line { name: "offered", colour: SHADE, width: 4, points, filled: false });
    }
    let y = axis_for("requests per second", &lines);
    let note = buckets.note("mean");
    over_time(run, "Request rate", note, y, lines)
}

fn errors(run: &RunRecord) -> Option<Plot> {
    run.seconds.iter().any(|second| second.errors > 0).then_some(())?;
    let buckets = Buckets::new(&run.seconds);
    let points = buckets.worst(|second| Some(second.errors as f64));
    let lines = vec![Line { name: "failed requests", colour: RED, width: 1, points, filled: true }];
    over_time(run, "Errors", buckets.note("worst"), axis_for("failed requests per second", &lines), lines)
}

fn in_flight(run: &RunRecord) -> Option<Plot> {
    run.seconds.iter().any(|second| second.in_flight.is_some()).then_some(())?;
    let buckets = Buckets::new(&run.seconds);
    let points = buckets.worst(|second| second.in_flight.map(|requests| requests as f64));
    let lines = vec![Line { name: "in flight", colour: BLUE, width: 1, points, filled: false }];
    over_time(run, "Requests in flight", buckets.note("worst"), axis_for("requests in flight", &lines), lines)
}

fn cpu(title: &'static str, used: &Resources, run: &RunRecord) -> Option<Plot> {
    let points = samples(used, |sample| sample.cpu_cores);
    let lines = vec![Line { name: "CPU", colour: BLUE, width: 1, points, filled: true }];
    let note = format!("May use {}.", crate::quantity::display(used.cpus_available, "cores"));
    over_time(run, title, note, axis_for("cores in use", &lines), lines)
}

fn memory(title: &'static str, used: &Resources, run: &RunRecord) -> Option<Plot> {
    let points = samples(used, |sample| sample.rss_bytes as f64 / MIB);
    let lines = vec![Line { name: "resident set", colour: GREEN, width: 1, points, filled: true }];
    over_time(run, title, String::new(), axis_for("resident set (MiB)", &lines), lines)
}

/// The largest of each group of samples, so that no peak is lost.
fn samples(
    used: &Resources,
    value: impl Fn(&crate::model::run::ResourceSample) -> f64,
) -> Vec<(f64, Option<f64>)> {
    let size = used.samples.len().div_ceil(MOST_POINTS).max(1);
    let groups = used.samples.chunks(size);
    groups.map(|group| (group[0].offset, group.iter().map(&value).max_by(f64::total_cmp))).collect()
}

/// A chart over the time of the run; none when no line has a point.
fn over_time(run: &RunRecord, title: &'static str, note: String, y: Axis, lines: Vec<Line>) -> Option<Plot> {
    lines.iter().any(|line| line.points.iter().any(|(_, y)| y.is_some())).then_some(())?;
    let chart = Chart { x: time_axis(run), y, shaded: warm_up(run), bands: Vec::new(), lines };
    Some(Plot { title, note, svg: chart.svg() })
}

fn axis_for(name: &str, lines: &[Line]) -> Axis {
    let values = lines.iter().flat_map(|line| &line.points).filter_map(|(_, y)| *y);
    Axis::from_zero(name, values.fold(0.0, f64::max), 4)
}

fn time_axis(run: &RunRecord) -> Axis {
    let seconds = highest(run.seconds.iter().map(|second| f64::from(second.offset)));
    let sampled = [&run.subject, &run.generator].into_iter().flatten().flat_map(|used| &used.samples);
    let sampled = sampled.map(|sample| sample.offset).fold(0.0, f64::max);
    Axis::time(seconds.unwrap_or(0.0).max(sampled))
}

/// From the first to the end of the last second of warm-up.
fn warm_up(run: &RunRecord) -> Option<(f64, f64, &'static str)> {
    let warm = || run.seconds.iter().filter(|second| second.warmup).map(|second| second.offset);
    Some((f64::from(warm().min()?), f64::from(warm().max()?) + 1.0, "warm-up"))
}

fn highest<T: PartialOrd>(values: impl Iterator<Item = T>) -> Option<T> {
    values.reduce(|a, b| if b > a { b } else { a })
}

/// The unit of a latency axis, from its largest value.
struct LatencyUnit {
    name: &'static str,
    micros: f64,
}

impl LatencyUnit {
    fn of(highest_us: f64) -> Self {
        if highest_us >= 1e7 { Self { name: "s", micros: 1e6 } } else { Self { name: "ms", micros: 1e3 } }
    }

    fn scaled(&self, micros: f64) -> f64 {
        micros / self.micros
    }
}

/// Linear from zero, or logarithmic when the values lie so far apart that the small ones would be a flat line.
fn latency_axis(unit: &LatencyUnit, values: impl Iterator<Item = f64>) -> Option<Axis> {
    const FAR_APART: f64 = 15.0;
    let (low, high) = values
        .filter(|value| *value > 0.0)
        .fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), value| (low.min(value), high.max(value)));
    (high > 0.0).then_some(())?;
    let name = format!("latency ({})", unit.name);
    Some(if high / low > FAR_APART {
        Axis::logarithmic(&name, low, high)
    } else {
        Axis::from_zero(name, high, 4)
    })
}
