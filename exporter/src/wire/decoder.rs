//! One answer being decoded: chunks in, a reading with its release, errors and warnings out.

use super::Api;
use super::bare_infinity::BareInfinity;
use super::budget::{Budget, Portion};
use super::envelope::{ApiError, LastUpdate, Meta, Warning, WireError};
use super::error::{DecodeError, ValueError};
use super::no_val::Number;
use super::stream::{Members, SplitError, Splitter, read_value};
use super::{association, finished_job, job, node, step};
use crate::model::{
    Controllers, Diag, Endpoint, JobStates, Licenses, Partitions, QosTable, Reading, Release, Reservations,
    Shares, Symbol, Symbols, Timestamp,
};

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub reading: Reading,
    /// How many elements the endpoint's list had.
    pub rows: u64,
    pub release: Release,
    /// Not empty means that the reading is not to be trusted alone, whatever the status said.
    pub errors: Vec<ApiError>,
    pub warnings: Vec<String>,
    /// The list is empty because nothing changed since `update_time`, not because there is nothing.
    pub unchanged: bool,
}

/// Decodes one answer as it arrives.
#[derive(Debug)]
pub struct Decoder {
    endpoint: Endpoint,
    /// Where the version may write what is no JSON.
    infinity: Option<BareInfinity>,
    splitter: Splitter,
    content: Content,
}

#[derive(Debug)]
struct Content {
    api: &'static Api,
    rows: Rows,
    row_count: u64,
    /// Of the rows as JSON.
    row_bytes: usize,
    /// The memory that the rows take.
    portion: Portion,
    cluster: Option<String>,
    slurm_version: String,
    errors: Vec<ApiError>,
    warnings: Vec<String>,
    last_update: Number,
}

#[derive(Debug)]
enum Rows {
    Ping(Controllers),
    Diag(Box<Diag>),
    JobStates(JobStates),
    DatabasePing(Controllers),
    Nodes(node::Table),
    Partitions(Partitions),
    Reservations(Reservations),
    Licenses(Licenses),
    Shares(Shares),
    Jobs(job::Table),
    Qos(QosTable),
    Associations(association::Table),
    Accounting(finished_job::Table),
    Steps(step::Table),
}

impl Decoder {
    /// A decoder of one answer of this endpoint in this API version.
    pub fn new(api: &'static Api, endpoint: Endpoint) -> Self {
        let rows = match endpoint {
            Endpoint::Ping => Rows::Ping(Controllers::default()),
            Endpoint::Diag => Rows::Diag(Box::default()),
            Endpoint::DatabasePing => Rows::DatabasePing(Controllers::default()),
            Endpoint::JobStates => Rows::JobStates(JobStates::default()),
            Endpoint::Nodes => Rows::Nodes(node::Table::default()),
            Endpoint::Partitions => Rows::Partitions(Partitions::default()),
            Endpoint::Reservations => Rows::Reservations(Reservations::default()),
            Endpoint::Licenses => Rows::Licenses(Licenses::default()),
            Endpoint::Shares => Rows::Shares(Shares::default()),
            Endpoint::Jobs => Rows::Jobs(job::Table::default()),
            Endpoint::Qos => Rows::Qos(QosTable::default()),
            Endpoint::Associations => Rows::Associations(association::Table::default()),
            Endpoint::Accounting => Rows::Accounting(finished_job::Table::default()),
            Endpoint::Steps => Rows::Steps(step::Table::default()),
        };
        Self {
            endpoint,
            infinity: (endpoint == Endpoint::Shares && api.bare_infinity).then(BareInfinity::default),
            splitter: Splitter::default(),
            content: Content {
                api,
                rows,
                row_count: 0,
                row_bytes: 0,
                portion: Budget::unlimited().portion(),
                cluster: None,
                slurm_version: String::new(),
                errors: Vec::new(),
                warnings: Vec::new(),
                last_update: Number::Unset,
            },
        }
    }

    /// The same; the reading takes its memory from this budget.
    #[must_use]
    pub fn within(mut self, budget: Budget) -> Self {
        self.content.portion = budget.portion();
        self
    }

    /// The same; names and priorities of jobs are kept too if they are wanted.
    #[must_use]
    pub fn with_job_details(mut self, wanted: bool) -> Self {
        if let Rows::Jobs(table) = &mut self.content.rows {
            table.with_details = wanted;
        }
        self
    }

    /// Takes the next bytes of the body, of any length.
    ///
    /// # Errors
    /// As soon as the bytes cannot become a valid answer; the decoder is of no use then.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        let pushed = match &mut self.infinity {
            None => self.splitter.push(chunk, &mut self.content),
            Some(infinity) => {
                let mut chunk = chunk.to_vec();
                infinity.replace(&mut chunk);
                self.splitter.push(&chunk, &mut self.content)
            }
        };
        pushed.map_err(|error| self.explain(error))
    }

    /// Ends the body and gives the reading.
    ///
    /// # Errors
    /// When the body ended early or lacks the list that the endpoint is for.
    pub fn finish(mut self) -> Result<Answer, DecodeError> {
        self.splitter.finish(&mut self.content).map_err(|error| self.explain(error))?;
        if !self.splitter.has_rows() {
            return Err(DecodeError::MissingMember {
                endpoint: self.endpoint,
                member: self.content.rows_member(),
            });
        }
        self.content.into_answer(self.endpoint)
    }

    fn explain(&self, error: SplitError) -> DecodeError {
        let endpoint = self.endpoint;
        let at = self.splitter.position();
        match error {
            SplitError::NotAnObject => DecodeError::NotAnObject { endpoint },
            SplitError::TooLarge => DecodeError::TooLarge { endpoint },
            SplitError::Truncated => DecodeError::Truncated { endpoint, at },
            SplitError::RowsTwice => {
                DecodeError::DuplicateMember { endpoint, member: self.content.rows_member() }
            }
            SplitError::Value(member, error) => {
                let row = member.map_or_else(
                    || format!("entry {}", self.content.row_count),
                    |name| format!("\"{name}\""),
                );
                match error {
                    ValueError::Incomplete => DecodeError::Truncated { endpoint, at },
                    ValueError::Syntax(source) => DecodeError::Syntax { endpoint, at, source },
                    ValueError::WrongType { field, source } => {
                        DecodeError::WrongType { endpoint, row, field, source }
                    }
                    ValueError::TooMuch => {
                        DecodeError::TooMuch { endpoint, limit: self.content.portion.budget().most() }
                    }
                    ValueError::Missing(field) => DecodeError::MissingField { endpoint, row, field },
                    ValueError::Repeated { field, value } => {
                        DecodeError::Repeated { endpoint, row, field, value }
                    }
                }
            }
        }
    }
}

impl Members for Content {
    fn rows_path(&self) -> &'static [&'static str] {
        match self.rows {
            Rows::Ping(_) | Rows::DatabasePing(_) => &["pings"],
            Rows::Diag(_) => &["statistics"],
            Rows::Nodes(_) => &["nodes"],
            Rows::Partitions(_) => &["partitions"],
            Rows::Reservations(_) => &["reservations"],
            Rows::Licenses(_) => &["licenses"],
            Rows::Jobs(_) | Rows::JobStates(_) | Rows::Accounting(_) | Rows::Steps(_) => &["jobs"],
            Rows::Shares(_) => &["shares", "shares"],
            Rows::Qos(_) => std::slice::from_ref(&self.api.qos_member),
            Rows::Associations(_) => &["associations"],
        }
    }

    fn row(&mut self, bytes: &[u8]) -> Result<usize, ValueError> {
        let len = match &mut self.rows {
            Rows::Ping(table) | Rows::DatabasePing(table) => (self.api.ping)(bytes, table),
            Rows::Diag(table) => (self.api.diag)(bytes, table),
            Rows::JobStates(table) => (self.api.job_state)(bytes, table),
            Rows::Nodes(table) => (self.api.node)(bytes, table),
            Rows::Partitions(table) => (self.api.partition)(bytes, table),
            Rows::Reservations(table) => (self.api.reservation)(bytes, table),
            Rows::Licenses(table) => (self.api.license)(bytes, table),
            Rows::Shares(table) => (self.api.share)(bytes, table),
            Rows::Jobs(table) => (self.api.job)(bytes, table),
            Rows::Qos(table) => (self.api.qos)(bytes, table),
            Rows::Associations(table) => (self.api.association)(bytes, table),
            Rows::Accounting(table) => (self.api.finished_job)(bytes, table),
            Rows::Steps(table) => step::read(bytes, table),
        }?;
        self.row_count += 1;
        self.row_bytes += len;
        match self.portion.grow_to(self.bytes()) {
            true => Ok(len),
            false => Err(ValueError::TooMuch),
        }
    }

    fn has_parts(&self) -> bool {
        matches!(self.rows, Rows::Accounting(_) | Rows::Steps(_))
    }

    fn part(&mut self, bytes: &[u8]) -> Result<(), ValueError> {
        match &mut self.rows {
            Rows::Accounting(table) => finished_job::read_step(bytes, table),
            Rows::Steps(table) => step::read_step(bytes, table),
            _ => Ok(()),
        }
    }

    fn member(&mut self, name: &str, bytes: &[u8]) -> Result<usize, ValueError> {
        match name {
            "meta" => {
                let (meta, len) = read_value::<Meta<'_>>(bytes)?;
                let cluster = meta.slurm.cluster.0;
                self.cluster = (!cluster.is_empty()).then(|| cluster.into_owned());
                self.slurm_version = meta.slurm.release.0.into_owned();
                Ok(len)
            }
            "errors" => {
                let (errors, len) = read_value::<Vec<WireError<'_>>>(bytes)?;
                self.errors = errors.into_iter().map(ApiError::from).collect();
                Ok(len)
            }
            "warnings" => {
                let (warnings, len) = read_value::<Vec<Warning<'_>>>(bytes)?;
                self.warnings =
                    warnings.into_iter().map(|warning| warning.description.0.into_owned()).collect();
                Ok(len)
            }
            "last_update" => {
                let (last_update, len) = read_value::<LastUpdate>(bytes)?;
                self.last_update = last_update;
                Ok(len)
            }
            _ => read_value::<serde::de::IgnoredAny>(bytes).map(|(_, len)| len),
        }
    }
}

/// More than the fields of a row of a short list take, without its texts.
const SHORT_LIST_ROW: usize = 256;

impl Content {
    fn rows_member(&self) -> &'static str {
        self.rows_path()[self.rows_path().len() - 1]
    }

    /// About how much memory the rows take so far.
    fn bytes(&self) -> usize {
        match &self.rows {
            Rows::Nodes(table) => table.nodes.bytes(),
            Rows::Jobs(table) => table.jobs.bytes(),
            Rows::JobStates(table) => table.bytes(),
            Rows::Accounting(table) => table.accounting.bytes(),
            // Their texts take no more than they took as JSON.
            _ => self.row_bytes + usize::try_from(self.row_count).unwrap_or(usize::MAX) * SHORT_LIST_ROW,
        }
    }

    fn into_answer(self, endpoint: Endpoint) -> Result<Answer, DecodeError> {
        // slurmrestd 24.11 and 26.05 say "unchanged" with 200, an empty list, last_update 0 and a warning.
        let unchanged = self.row_count == 0
            && self.last_update == Number::Value(0)
            && self.warnings.iter().any(|warning| warning.contains("since update_time"));
        let last_update = Timestamp::from_unix(self.last_update.get());
        let own = self.cluster.as_deref();
        let reading = match self.rows {
            Rows::Ping(table) => Reading::Ping(Box::new(table)),
            Rows::Diag(table) => Reading::Diag(table),
            Rows::DatabasePing(table) => Reading::DatabasePing(Box::new(table)),
            Rows::JobStates(table) => Reading::JobStates(Box::new(table)),
            Rows::Nodes(table) => {
                let mut nodes = table.nodes;
                nodes.rows.shrink_to_fit();
                nodes.symbols.shrink();
                nodes.partition_lists.shrink();
                nodes.gres_lists.shrink();
                nodes.feature_lists.shrink();
                Reading::Nodes(Box::new(nodes))
            }
            Rows::Partitions(mut table) => {
                table.last_update = last_update;
                Reading::Partitions(Box::new(table))
            }
            Rows::Reservations(mut table) => {
                table.last_update = last_update;
                Reading::Reservations(Box::new(table))
            }
            Rows::Licenses(table) => Reading::Licenses(Box::new(table)),
            Rows::Shares(table) => Reading::Shares(Box::new(table)),
            Rows::Jobs(table) => {
                let mut jobs = table.jobs;
                jobs.last_update = last_update;
                jobs.rows.shrink_to_fit();
                jobs.details.shrink_to_fit();
                jobs.symbols.shrink();
                jobs.partition_lists.shrink();
                jobs.gpu_lists.shrink();
                Reading::Jobs(Box::new(jobs))
            }
            Rows::Qos(mut table) => {
                table.symbols.shrink();
                Reading::Qos(Box::new(table))
            }
            Rows::Associations(table) => {
                let mut table = table.associations;
                keep_own(endpoint, own, &table.symbols, &mut table.rows, |row| row.cluster)?;
                table.rows.shrink_to_fit();
                table.symbols.shrink();
                Reading::Associations(Box::new(table))
            }
            Rows::Accounting(table) => {
                let mut table = table.accounting;
                keep_own(endpoint, own, &table.symbols, &mut table.jobs, |job| job.cluster)?;
                Reading::Accounting(Box::new(table))
            }
            Rows::Steps(table) => {
                let mut table = table.steps;
                keep_own(endpoint, own, &table.symbols, &mut table.rows, |step| step.cluster)?;
                table.rows.shrink_to_fit();
                table.symbols.shrink();
                table.gpu_lists.shrink();
                Reading::Steps(Box::new(table))
            }
        };
        let release = Release {
            cluster: self.cluster,
            slurm_version: self.slurm_version,
            api_version: self.api.version,
        };
        // 22.05 calls it an error that no job ended in a window, or that none runs; later versions warn.
        let may_be_none = matches!(endpoint, Endpoint::Accounting | Endpoint::Steps);
        let is_error = |error: &ApiError| !may_be_none || error.number != Some(NOTHING_FOUND);
        let mut errors = self.errors;
        errors.retain(is_error);
        Ok(Answer { reading, rows: self.row_count, release, errors, warnings: self.warnings, unchanged })
    }
}

/// `ESLURM_REST_EMPTY_RESULT` (recorded: 22.05).
const NOTHING_FOUND: i64 = 9003;

/// Leaves out the rows of other clusters: slurmdbd knows them all.
fn keep_own<T>(
    endpoint: Endpoint,
    own: Option<&str>,
    symbols: &Symbols,
    rows: &mut Vec<T>,
    cluster_of: impl Fn(&T) -> Symbol,
) -> Result<(), DecodeError> {
    match own {
        Some(own) => rows.retain(|row| symbols.resolve(cluster_of(row)) == own),
        // 22.05 does not say which cluster is its own: with one there is no doubt.
        None => {
            if rows.windows(2).any(|pair| cluster_of(&pair[0]) != cluster_of(&pair[1])) {
                return Err(DecodeError::SeveralClusters { endpoint });
            }
        }
    }
    Ok(())
}
