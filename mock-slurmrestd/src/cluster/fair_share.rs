//! Fair share: what associations were promised, have used (less as time passes), and rank by in Slurm's Fair Tree.
//! Not here: what that weighs in a job's priority (priority.rs).

use super::accounts::Association;
use super::clock::{HOUR, MINUTE, Millis};
use super::resources::Resources;

/// `PriorityCalcPeriod`.
pub(super) const CALCULATION_INTERVAL: Millis = 5 * MINUTE;
/// `PriorityDecayHalfLife`.
pub const HALF_LIFE: Millis = 7 * 24 * HOUR;

/// The fair share of one association, as `sshare` tells it.
#[derive(Clone, Debug, Default)]
pub struct Share {
    /// Its shares over those of its siblings and itself; 1 for root.
    pub normalized_shares: f64,
    /// Resource-seconds, decayed; of an account with all below it. `RawUsage` is the billing.
    pub usage: Resources<f64>,
    /// What running jobs may still use by their limits, in resource-seconds.
    pub run_seconds: Resources<f64>,
    /// Usage over that of the whole cluster.
    pub normalized_usage: f64,
    /// Usage over that of its siblings and itself.
    pub effective_usage: f64,
    /// Normalized shares over effective usage, infinite without usage; none for root.
    pub level: Option<f64>,
    /// Rank among all users, the best 1; accounts have none.
    pub factor: Option<f64>,
}

#[derive(Clone, Debug)]
pub(super) struct FairShare {
    /// In the order of the associations.
    shares: Vec<Share>,
    /// Used by associations themselves since the last calculation.
    charged: Vec<Resources<f64>>,
    pub(super) calculated_at: Millis,
}

impl FairShare {
    pub(super) fn new(associations: &[Association], now: Millis) -> Self {
        let siblings = |parent: Option<u32>| -> u32 {
            let shares = associations.iter().filter(|other| other.parent == parent).map(|other| other.shares);
            shares.sum::<u32>().max(1)
        };
        // Siblings follow their parent's first child at no fixed distance; sums are kept per parent.
        let mut sums = vec![None; associations.len() + 1];
        let shares = associations
            .iter()
            .map(|association| {
                let slot = association.parent.map_or(associations.len(), |parent| parent as usize);
                let sum = *sums[slot].get_or_insert_with(|| siblings(association.parent));
                Share {
                    normalized_shares: f64::from(association.shares) / f64::from(sum),
                    ..Share::default()
                }
            })
            .collect();
        Self { shares, charged: vec![Resources::default(); associations.len()], calculated_at: now }
    }

    pub(super) fn shares(&self) -> &[Share] {
        &self.shares
    }

    /// In the order of the associations.
    pub(super) fn factors(&self) -> impl Iterator<Item = f64> {
        self.shares.iter().map(|share| share.factor.unwrap_or(0.0))
    }

    pub(super) fn factor(&self, association: u32) -> f64 {
        self.shares[association as usize].factor.unwrap_or(0.0)
    }

    /// Books what an association itself used, until the next calculation.
    pub(super) fn charge(&mut self, association: u32, used: Resources<f64>) {
        self.charged[association as usize].add(used);
    }

    /// Decays what was used before, adds what was charged since, and ranks again. `run_seconds` is what the
    /// running jobs of each association itself may still use.
    pub(super) fn calculate(
        &mut self,
        associations: &[Association],
        run_seconds: Vec<Resources<f64>>,
        now: Millis,
    ) {
        let decay = 0.5f64.powf((now - self.calculated_at) as f64 / HALF_LIFE as f64);
        self.calculated_at = now;
        let charged = std::mem::take(&mut self.charged);
        self.charged = vec![Resources::default(); charged.len()];
        for ((share, charged), run_seconds) in self.shares.iter_mut().zip(charged).zip(run_seconds) {
            share.usage = share.usage.scaled(decay);
            share.run_seconds = run_seconds;
            // Accounts get theirs from below, where the decayed part already is.
            share.usage.add(charged);
        }
        self.sum_up(associations);
        self.rank(associations);
    }

    /// Accounts have used what those below them have.
    fn sum_up(&mut self, associations: &[Association]) {
        for (share, association) in self.shares.iter_mut().zip(associations) {
            if association.user.is_none() {
                share.usage = Resources::default();
                share.run_seconds = Resources::default();
            }
        }
        for index in (1..associations.len()).rev() {
            let (usage, run_seconds) = (self.shares[index].usage, self.shares[index].run_seconds);
            if let Some(parent) = associations[index].parent {
                self.shares[parent as usize].usage.add(usage);
                self.shares[parent as usize].run_seconds.add(run_seconds);
            }
        }
        let all = self.shares[0].usage.billing;
        let part = |part: f64, of: f64| if of > 0.0 { part / of } else { 0.0 };
        for (index, association) in associations.iter().enumerate() {
            let used = self.shares[index].usage.billing;
            let Some(parent) = association.parent else {
                (self.shares[index].normalized_usage, self.shares[index].effective_usage) = (1.0, 1.0);
                continue;
            };
            let around = self.shares[parent as usize].usage.billing;
            let share = &mut self.shares[index];
            share.normalized_usage = part(used, all);
            share.effective_usage = part(used, around);
            share.level = Some(share.normalized_shares / share.effective_usage);
        }
    }

    /// Fair Tree: siblings by falling level, depth first; users are numbered as they are met.
    fn rank(&mut self, associations: &[Association]) {
        let mut children: Vec<Vec<u32>> = vec![Vec::new(); associations.len()];
        for (index, association) in associations.iter().enumerate() {
            if let Some(parent) = association.parent {
                children[parent as usize].push(index as u32);
            }
        }
        let level = |index: &u32| self.shares[*index as usize].level.unwrap_or(0.0);
        for siblings in &mut children {
            // The best is last, where a stack takes from; equals keep their order.
            siblings.reverse();
            siblings.sort_by(|one, other| level(one).total_cmp(&level(other)));
        }
        let users = associations.iter().filter(|association| association.user.is_some()).count();
        let mut left = users;
        let mut stack = vec![0u32];
        while let Some(index) = stack.pop() {
            if associations[index as usize].user.is_some() {
                self.shares[index as usize].factor = Some(left as f64 / users as f64);
                left -= 1;
            }
            stack.append(&mut children[index as usize]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::accounts::People;
    use super::*;

    fn used(billing: f64) -> Resources<f64> {
        Resources { billing, ..Resources::default() }
    }

    fn nothing(count: usize) -> Vec<Resources<f64>> {
        vec![Resources::default(); count]
    }

    #[test]
    fn usage_halves_in_a_half_life_and_adds_up_to_root() {
        let associations = People::new(20, 6_400, 0).associations;
        let mut fair = FairShare::new(&associations, 0);
        let users: Vec<u32> = (0..associations.len() as u32)
            .filter(|index| associations[*index as usize].user.is_some())
            .collect();
        for user in &users {
            fair.charge(*user, used(100.0));
        }
        fair.calculate(&associations, nothing(associations.len()), 0);
        let all = 100.0 * users.len() as f64;
        assert!((fair.shares()[0].usage.billing - all).abs() < 1e-6);
        fair.calculate(&associations, nothing(associations.len()), HALF_LIFE);
        assert!((fair.shares()[0].usage.billing - all / 2.0).abs() < 1e-6);
    }

    #[test]
    fn who_used_least_of_their_share_is_ranked_first_and_no_rank_is_given_twice() {
        let associations = People::new(20, 6_400, 0).associations;
        let mut fair = FairShare::new(&associations, 0);
        for (index, association) in associations.iter().enumerate() {
            if let Some(user) = association.user {
                fair.charge(index as u32, used(1.0 + f64::from(user)));
            }
        }
        fair.calculate(&associations, nothing(associations.len()), 0);
        let mut factors: Vec<f64> = fair.shares().iter().filter_map(|share| share.factor).collect();
        let count = factors.len();
        factors.sort_by(f64::total_cmp);
        factors.dedup();
        assert_eq!((factors.len(), factors[count - 1]), (count, 1.0));
        for (index, association) in associations.iter().enumerate() {
            for (other, sibling) in associations.iter().enumerate() {
                let both_users = association.user.is_some() && sibling.user.is_some();
                if both_users && association.parent == sibling.parent {
                    let (one, two) = (&fair.shares()[index], &fair.shares()[other]);
                    if one.level > two.level {
                        assert!(one.factor > two.factor);
                    }
                }
            }
        }
    }

    #[test]
    fn an_association_without_usage_has_an_infinite_level() {
        let associations = People::new(8, 640, 0).associations;
        let mut fair = FairShare::new(&associations, 0);
        fair.charge(1, used(5.0));
        fair.calculate(&associations, nothing(associations.len()), 0);
        assert_eq!(fair.shares()[0].level, None);
        assert_eq!(fair.shares().last().and_then(|share| share.level), Some(f64::INFINITY));
    }
}
