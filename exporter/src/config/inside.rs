//! What is switched inside the collectors: which of their series there are, and the bounds of histograms.
//! Keys of the sections `collectors` and `metrics`; what a choice does to sums stands in `collectors::settings`.

use super::collectors::{JOB_STEPS, SINGLE_JOBS};
use super::metrics::limit;
use super::{Key, quantity};
use crate::collectors::settings::Only;
use crate::model::state::{job_base, job_flag, node_base, node_flag};

const SECONDS: Key = Key {
    path: "",
    flag: None,
    value: "SECONDS,...",
    help: "",
    default: "1,10,60,300,900,3600,14400,43200,86400,259200,604800",
    set: |_, _| Ok(()),
};

pub(super) const KEYS: &[Key] = &[
    Key {
        path: "collectors.nodes.partitions",
        flag: None,
        value: "NAME,...",
        help: "nodes of these partitions have series of their own; all if there is none; sums are of all nodes",
        default: "",
        set: |config, text| {
            config.inside.nodes.partitions = Only(quantity::names(text));
            Ok(())
        },
    },
    Key {
        path: "collectors.nodes.states",
        flag: None,
        value: "WORD,...",
        help: "nodes with one of these base states or flags have series of their own; all if there is none; sums are of \
               all nodes",
        default: "",
        set: |config, text| {
            config.inside.nodes.states = words(text, &[node_base::WORDS, node_flag::WORDS, DERIVED])?;
            Ok(())
        },
    },
    Key {
        path: "collectors.nodes.include_features",
        flag: None,
        value: "true|false",
        help: "whether each feature of a node is a series",
        default: "false",
        set: |config, text| {
            config.inside.nodes.include_features = quantity::switch(text)?;
            Ok(())
        },
    },
    Key {
        path: "collectors.jobs.partitions",
        flag: None,
        value: "NAME,...",
        help: "partitions that have series of jobs; all if there is none; other collectors count all jobs",
        default: "",
        set: |config, text| {
            config.inside.jobs.partitions = Only(quantity::names(text));
            Ok(())
        },
    },
    Key {
        path: "collectors.jobs.states",
        flag: None,
        value: "WORD,...",
        help: "base states and flags that have series of jobs; all if there is none; pending and running bring what is \
               pending and allocated; other collectors count all jobs",
        default: "",
        set: |config, text| {
            config.inside.jobs.states = words(text, &[job_base::WORDS, job_flag::WORDS])?;
            Ok(())
        },
    },
    Key {
        path: "collectors.jobs.per_job",
        flag: None,
        value: "true|false",
        help: "whether each job has series of its own, about ten each",
        default: "false",
        set: |config, text| {
            config.slurm.job_details = quantity::switch(text)?;
            config.collectors.switch(SINGLE_JOBS, text)
        },
    },
    Key {
        path: "collectors.jobs.include_steps",
        flag: None,
        value: "true|false",
        help: "whether the running steps of these jobs have series too, six each; asks slurmdbd for the running jobs",
        default: "false",
        set: |config, text| config.collectors.switch(JOB_STEPS, text),
    },
    Key {
        path: "collectors.jobs.max_jobs",
        flag: None,
        value: "NUMBER|none",
        help: "the most jobs with series of their own; those that run come first, then those that wait",
        default: "10000",
        set: |config, text| {
            config.inside.jobs.max_jobs = limit(text)?;
            Ok(())
        },
    },
    Key {
        path: "collectors.jobs.max_age",
        flag: None,
        value: "DURATION|none",
        help: "jobs that are over for longer have no series of their own",
        default: "none",
        set: |config, text| {
            config.inside.jobs.max_age = match text {
                "none" => None,
                _ => Some(quantity::duration(text)?),
            };
            Ok(())
        },
    },
    Key {
        path: "collectors.users.max_users",
        flag: None,
        value: "NUMBER|none",
        help: "the most users with series of their own; the others are added up as \"other\"",
        default: "none",
        set: |config, text| {
            config.inside.users.max = limit(text)?;
            Ok(())
        },
    },
    Key {
        path: "collectors.users.exclude_users",
        flag: None,
        value: "NAME,...",
        help: "users without series, here and in the counters of accounts; sums over jobs have theirs",
        default: "",
        set: |config, text| {
            config.inside.users.exclude = quantity::names(text);
            Ok(())
        },
    },
    Key {
        path: "collectors.accounts.max_accounts",
        flag: None,
        value: "NUMBER|none",
        help: "the most accounts with series of their own; the others are added up as \"other\", but for counters",
        default: "none",
        set: |config, text| {
            config.inside.accounts.max = limit(text)?;
            Ok(())
        },
    },
    Key {
        path: "collectors.accounts.exclude_accounts",
        flag: None,
        value: "NAME,...",
        help: "accounts without series; sums over jobs have theirs",
        default: "",
        set: |config, text| {
            config.inside.accounts.exclude = quantity::names(text);
            Ok(())
        },
    },
    Key {
        path: "metrics.sampling.rate",
        flag: None,
        value: "NUMBER",
        help: "the share of jobs that have series of their own, above 0 and at most 1; a job's id decides",
        default: "1",
        set: |config, text| {
            let rate = quantity::number(text, 0.0..=1.0)?;
            if rate == 0.0 {
                return Err(format!("expected a number above 0 and at most 1, got \"{text}\""));
            }
            config.inside.jobs.sampling.rate = rate;
            Ok(())
        },
    },
    Key {
        path: "metrics.sampling.stratified",
        flag: None,
        value: "true|false",
        help: "whether each partition and state has at least one of these jobs",
        default: "false",
        set: |config, text| {
            config.inside.jobs.sampling.stratified = quantity::switch(text)?;
            Ok(())
        },
    },
    Key {
        path: "metrics.histograms.job_wait_buckets",
        help: "upper bounds of the histogram of waiting",
        set: |config, text| {
            config.inside.job_buckets.job_wait = bounds(text)?;
            Ok(())
        },
        ..SECONDS
    },
    Key {
        path: "metrics.histograms.job_duration_buckets",
        help: "upper bounds of the histogram of running",
        set: |config, text| {
            config.inside.job_buckets.job_duration = bounds(text)?;
            Ok(())
        },
        ..SECONDS
    },
    Key {
        path: "metrics.histograms.memory_usage_buckets",
        flag: None,
        value: "BYTES,...",
        help: "upper bounds of the histogram of the memory that finished jobs used",
        default: "1e6,1e7,1e8,1e9,1e10,1e11",
        set: |config, text| {
            config.inside.job_buckets.memory_usage = bounds(text)?;
            Ok(())
        },
    },
];

/// Words of nodes that Slurm has no flag for.
const DERIVED: &[&str] = &["drained", "draining"];

/// Words of these tables, in any case.
fn words(text: &str, tables: &[&[&str]]) -> Result<Only, String> {
    let known: Vec<&str> = tables.concat();
    let found = quantity::list(text).map(|word| {
        let lower = word.to_ascii_lowercase();
        match known.contains(&lower.as_str()) {
            true => Ok(lower),
            false => Err(format!("expected words of {}, got \"{word}\"", known.join(", "))),
        }
    });
    Ok(Only(found.collect::<Result<_, _>>()?))
}

/// Ascending bounds in seconds, each above 0.
pub(super) fn bounds(text: &str) -> Result<Vec<f64>, String> {
    let numbers: Result<Vec<f64>, _> = quantity::list(text).map(str::parse).collect();
    let is_fit = |numbers: &[f64]| {
        let all = [0.0].iter().chain(numbers).chain([&f64::INFINITY]);
        !numbers.is_empty() && all.clone().zip(all.skip(1)).all(|(lower, upper)| lower < upper)
    };
    let fit = numbers.ok().filter(|numbers| is_fit(numbers));
    let written = || quantity::list(text).collect::<Vec<_>>().join(", ");
    fit.ok_or_else(|| format!("expected numbers above 0 in ascending order, got [{}]", written()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_ascend_from_above_zero() {
        assert_eq!(bounds("0.5,60,1e3"), Ok(vec![0.5, 60.0, 1000.0]));
        for text in ["", "0,1", "1,1", "2,1", "-1", "inf", "nan", "1,NaN", "x"] {
            assert!(bounds(text).unwrap_err().starts_with("expected numbers above 0"), "{text}");
        }
    }

    #[test]
    fn a_sample_is_more_than_nothing() {
        let key = KEYS.iter().find(|key| key.path == "metrics.sampling.rate").unwrap();
        let set = |text| {
            let mut config = crate::config::Config::default();
            (key.set)(&mut config, text).map(|()| config.inside.jobs.sampling.rate)
        };
        assert_eq!(set("0.1"), Ok(0.1));
        for text in ["0", "1.1", "-0.5", "NaN", "some"] {
            assert!(set(text).unwrap_err().starts_with("expected a number "), "{text}");
        }
    }

    #[test]
    fn words_are_those_of_slurm_in_any_case() {
        let only = words("IDLE, Drain,drained", &[node_base::WORDS, node_flag::WORDS, DERIVED]).unwrap();
        assert!(
            only.allows("idle") && only.allows("drain") && only.allows("drained") && !only.allows("mixed")
        );
        assert!(words("", &[node_base::WORDS]).unwrap().is_all());
        let error = words("asleep", &[node_base::WORDS]).unwrap_err();
        assert!(
            error.starts_with("expected words of invalid, ") && error.ends_with("got \"asleep\""),
            "{error}"
        );
    }
}
