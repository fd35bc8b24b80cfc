//! Who may use the cluster and how much of it: accounts as a tree, users, associations with limits, wckeys.
//! Not here: what they hold now (usage.rs) or have used (fair_share.rs).

/// The first words of project names; more projects get a number.
const PROJECTS: [(&str, usize); 12] = [
    ("physics", 0),
    ("bio", 1),
    ("chem", 0),
    ("ml", 2),
    ("climate", 0),
    ("astro", 0),
    ("engineering", 2),
    ("geo", 0),
    ("math", 2),
    ("medicine", 1),
    ("materials", 2),
    ("economics", 1),
];
/// The level between `root` and the projects: name and organization.
const FACULTIES: [(&str, &str); 3] = [("science", "sci"), ("life", "med"), ("applied", "tech")];
const ORGANIZATION_OF_ROOT: &str = "root";
/// What `--wckey` takes here.
const WCKEYS: [&str; 3] = ["", "thesis", "industry"];

/// A bank account; index 0 is `root`, which is above all others.
#[derive(Clone, Debug)]
pub struct Account {
    pub name: String,
    pub description: String,
    pub organization: &'static str,
    /// Index into the accounts.
    pub parent: Option<u16>,
}

/// A person. The last of all is `root`, who submits nothing.
#[derive(Clone, Debug)]
pub struct User {
    pub name: String,
    pub uid: u32,
    /// The default account: an index into the accounts.
    pub account: u16,
    /// The association with the default account: an index into the associations.
    pub association: u32,
    /// A second one for some users.
    pub second_association: Option<u32>,
    pub admin_level: &'static str,
}

/// Limits of an association; what is `None` is not limited there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// `GrpTRES=cpu=N`: CPUs that it and all below hold at a time.
    pub grp_cpus: Option<u32>,
    /// `GrpTRES=gres/gpu=N`.
    pub grp_gpus: Option<u32>,
    /// `GrpJobs`: jobs that run at a time, of it and all below.
    pub grp_jobs: Option<u32>,
    /// `MaxJobs`: jobs that run at a time.
    pub max_jobs: Option<u32>,
    /// `MaxSubmitJobs`: tasks that wait or run.
    pub max_submit_jobs: Option<u32>,
    /// `MaxWall`.
    pub max_wall_minutes: Option<u32>,
    /// `MaxTRES=cpu=N` of one job.
    pub max_cpus_per_job: Option<u32>,
}

/// An account, or a user in an account. Parents come before children, depth first, as `sshare` lists them.
#[derive(Clone, Debug)]
pub struct Association {
    /// Slurm's number for it, from 1.
    pub id: u32,
    /// Index into the accounts.
    pub account: u16,
    /// Index into the users; none for the account itself.
    pub user: Option<u16>,
    /// Index of the association above.
    pub parent: Option<u32>,
    pub shares: u32,
    pub limits: Limits,
    /// Whether it is its user's default.
    pub is_default: bool,
}

/// A workload key of a user.
#[derive(Clone, Debug)]
pub struct Wckey {
    pub id: u32,
    pub name: &'static str,
    /// Index into the users.
    pub user: u16,
}

#[derive(Debug)]
pub(super) struct People {
    pub(super) accounts: Vec<Account>,
    pub(super) users: Vec<User>,
    pub(super) associations: Vec<Association>,
    pub(super) wckeys: Vec<Wckey>,
}

impl People {
    /// `count` ordinary users and root; limits in proportion to the cluster's CPUs and GPUs.
    pub(super) fn new(count: usize, cpus: u64, gpus: u64) -> Self {
        let accounts = accounts(count);
        let mut users = users(count, &accounts);
        let associations = associations(&accounts, &mut users, cpus, gpus);
        let wckeys = (0..users.len() as u16)
            .step_by(5)
            .flat_map(|user| WCKEYS.map(|name| (user, name)))
            .enumerate()
            .map(|(index, (user, name))| Wckey { id: 1 + index as u32, name, user })
            .collect();
        Self { accounts, users, associations, wckeys }
    }
}

fn accounts(users: usize) -> Vec<Account> {
    let account = |name: String, organization, parent| Account {
        description: name.clone(),
        name,
        organization,
        parent,
    };
    let mut accounts = vec![account("root".to_owned(), ORGANIZATION_OF_ROOT, None)];
    accounts[0].description = "default root account".to_owned();
    for (name, organization) in FACULTIES {
        accounts.push(account(name.to_owned(), organization, Some(0)));
    }
    for index in 0..(users / 6).clamp(3, 120) {
        let (word, faculty) = PROJECTS[index % PROJECTS.len()];
        let name = match index / PROJECTS.len() {
            0 => word.to_owned(),
            round => format!("{word}{}", round + 1),
        };
        accounts.push(account(name, FACULTIES[faculty].1, Some(1 + faculty as u16)));
    }
    accounts
}

/// The ordinary users, spread over the projects, then root. Associations are filled in later.
fn users(count: usize, accounts: &[Account]) -> Vec<User> {
    let first_project = 1 + FACULTIES.len();
    let projects = accounts.len() - first_project;
    let user = |name: String, uid, account| User {
        name,
        uid,
        account,
        association: 0,
        second_association: None,
        admin_level: "None",
    };
    let mut users: Vec<User> = (0..count)
        .map(|index| {
            let account = first_project + index % projects;
            user(format!("user{:03}", index + 1), 1_001 + index as u32, account as u16)
        })
        .collect();
    users.push(User { admin_level: "Administrator", ..user("root".to_owned(), 0, 0) });
    users
}

fn associations(accounts: &[Account], users: &mut [User], cpus: u64, gpus: u64) -> Vec<Association> {
    let mut list = Vec::new();
    add_account(0, None, accounts, users, (cpus, gpus), &mut list);
    list
}

/// Adds the account, its users and, below it, its accounts.
fn add_account(
    account: u16,
    parent: Option<u32>,
    accounts: &[Account],
    users: &mut [User],
    machine: (u64, u64),
    list: &mut Vec<Association>,
) {
    let at = list.len() as u32;
    let is_project = usize::from(account) > FACULTIES.len();
    let shares = if is_project { 10 + u32::from(account) * 7 % 40 } else { 1 };
    let projects = accounts.len() - FACULTIES.len() - 1;
    let limits = if is_project { account_limits(account, projects, machine) } else { Limits::default() };
    list.push(association(at, account, None, parent, shares, limits));
    for index in 0..users.len() as u16 {
        let user = &users[usize::from(index)];
        let is_default = user.account == account;
        // Every seventh user works for a second project: the one after their own.
        let is_second = is_project && index % 7 == 3 && user.account + 1 == account && user.uid != 0;
        if !is_default && !is_second {
            continue;
        }
        let own = list.len() as u32;
        let shares = 1 + u32::from(index) % 4;
        let mut entry = association(own, account, Some(index), Some(at), shares, user_limits(index, machine));
        entry.is_default = is_default;
        list.push(entry);
        let user = &mut users[usize::from(index)];
        if is_default {
            user.association = own;
        } else {
            user.second_association = Some(own);
        }
    }
    for child in 0..accounts.len() as u16 {
        if accounts[usize::from(child)].parent == Some(account) {
            add_account(child, Some(at), accounts, users, machine, list);
        }
    }
}

fn association(
    index: u32,
    account: u16,
    user: Option<u16>,
    parent: Option<u32>,
    shares: u32,
    limits: Limits,
) -> Association {
    Association { id: index + 1, account, user, parent, shares, limits, is_default: false }
}

/// A third of the projects may only hold somewhat more than their part of the machine.
fn account_limits(account: u16, projects: usize, (cpus, gpus): (u64, u64)) -> Limits {
    match account % 3 {
        1 => Limits { grp_cpus: Some((cpus * 3 / 2 / projects as u64).max(1) as u32), ..Limits::default() },
        2 if gpus > 0 => Limits { grp_gpus: Some((gpus / 2).max(1) as u32), ..Limits::default() },
        _ => Limits::default(),
    }
}

/// Some users may only run a few jobs at a time.
fn user_limits(user: u16, (cpus, _): (u64, u64)) -> Limits {
    match user % 9 {
        4 => Limits { max_jobs: Some((cpus / 600).clamp(1, 1_000) as u32), ..Limits::default() },
        7 => Limits { max_submit_jobs: Some(10_000), max_wall_minutes: Some(1_440), ..Limits::default() },
        _ => Limits::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_come_before_children_and_ids_are_used_once() {
        for count in [1, 8, 100, 500] {
            let people = People::new(count, 64_000, 800);
            assert_eq!(people.users.len(), count + 1);
            for (index, association) in people.associations.iter().enumerate() {
                assert_eq!(association.id, index as u32 + 1);
                assert!(association.parent.is_none_or(|parent| (parent as usize) < index));
                assert_eq!(association.parent.is_none(), index == 0);
            }
        }
    }

    #[test]
    fn every_user_has_a_default_association_with_the_default_account() {
        let people = People::new(50, 64_000, 800);
        let mut second = 0;
        for (index, user) in people.users.iter().enumerate() {
            let association = &people.associations[user.association as usize];
            assert_eq!((association.user, association.account), (Some(index as u16), user.account));
            assert!(association.is_default);
            second += usize::from(user.second_association.is_some());
        }
        assert!(second > 0);
        assert_eq!(people.accounts[usize::from(people.users[50].account)].name, "root");
    }
}
