//! The endpoints that the exporter polls, and what each costs.
//! How they are spelt in a URL is the source's business.

use std::fmt;
use std::str::FromStr;

/// One thing to ask Slurm for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Endpoint {
    Ping,
    Diag,
    Nodes,
    Partitions,
    Jobs,
}

/// How much depends on an endpoint and how dear it is; gives the default interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cost {
    /// Cheap, and the first thing to know in an outage.
    Critical,
    /// Grows with the cluster.
    Important,
    /// Grows with the queue, or asks the database.
    Detailed,
}

/// What is fixed about an endpoint.
struct Facts {
    endpoint: Endpoint,
    /// In configuration, labels and logs.
    name: &'static str,
    cost: Cost,
}

/// Every endpoint, in the order of the variants.
const FACTS: [Facts; 5] = [
    Facts { endpoint: Endpoint::Ping, name: "ping", cost: Cost::Critical },
    Facts { endpoint: Endpoint::Diag, name: "diag", cost: Cost::Critical },
    Facts { endpoint: Endpoint::Nodes, name: "nodes", cost: Cost::Important },
    Facts { endpoint: Endpoint::Partitions, name: "partitions", cost: Cost::Important },
    Facts { endpoint: Endpoint::Jobs, name: "jobs", cost: Cost::Detailed },
];

impl Endpoint {
    /// Every endpoint, in the order in which the first polls are started.
    pub const ALL: [Self; FACTS.len()] = {
        let mut all = [Self::Ping; FACTS.len()];
        let mut at = 0;
        while at < all.len() {
            all[at] = FACTS[at].endpoint;
            at += 1;
        }
        all
    };

    /// The name in configuration, labels and logs.
    pub fn name(self) -> &'static str {
        FACTS[self as usize].name
    }

    pub fn cost(self) -> Cost {
        FACTS[self as usize].cost
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|endpoint| endpoint.name() == name).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|endpoint| endpoint.name()).collect();
            format!("unknown endpoint \"{name}\", expected one of {}", known.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facts_stand_in_the_order_of_the_variants() {
        for (at, endpoint) in Endpoint::ALL.into_iter().enumerate() {
            assert_eq!(endpoint as usize, at);
            assert_eq!(endpoint.name().parse(), Ok(endpoint));
        }
    }
}
