//! One core or many: measured, because nobody tells a guest how many of its cores are real or how busy their host is.
//!
//! Where the cores wait for each other by spinning, one that its host has put aside costs all of them its turn, and a pass on two
//! cores can take ten times as long as on one. So the cost of both is kept, and the dearer one is tried again now and then: what that
//! wastes is at most a share of 1/32 of the time, plus one trial.

/// Passes that a trial takes, and that a judgement needs.
const SAMPLES: usize = 4;
/// Passes that a judgement looks back on.
const WINDOW: usize = 8;
/// A trial may waste as much as passes have earned, a 32nd of their cost each.
const SHARE: u64 = 32;
/// Passes between trials, at least; and where the present choice has become dearer than the other was.
const REST: u32 = 256;
const SHORT_REST: u32 = 32;

/// The two ways to compute a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// On as many cores as the rule allows.
    Many = 0,
    /// On the caller's core alone.
    One = 1,
}

impl Way {
    fn other(self) -> Way {
        if self == Way::Many { Way::One } else { Way::Many }
    }
}

/// Costs of the latest passes.
#[derive(Debug, Clone, Copy, Default)]
struct Recent {
    costs: [u64; WINDOW],
    count: usize,
}

impl Recent {
    fn push(&mut self, cost: u64) {
        self.costs[self.count % WINDOW] = cost;
        // Past the second round it says no more than which cost is the oldest.
        self.count = if self.count + 1 < 2 * WINDOW { self.count + 1 } else { WINDOW };
    }

    /// Mean of all but the dearest, which an interruption may have hit; `None` where there are too few to say.
    fn cost(&self) -> Option<u64> {
        let known = &self.costs[..self.count.min(WINDOW)];
        let dearest = known.iter().max().filter(|_| known.len() >= SAMPLES)?;
        let sum = known.iter().fold(0_u64, |sum, cost| sum.saturating_add(*cost));
        Some(sum.saturating_sub(*dearest) / (known.len() as u64 - 1))
    }
}

/// Chooses the way of each pass, from the costs of those before. Passes are to be of one kind, and their costs in one unit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choice {
    settled: Way,
    recent: [Recent; 2],
    /// What the passes of the trial that is under way have cost.
    trial: Option<u64>,
    /// Passes since the last trial.
    rested: u32,
    /// What the last trial wasted and passes have not yet earned.
    debt: u64,
}

impl Default for Choice {
    fn default() -> Choice {
        Choice { settled: Way::Many, recent: [Recent::default(); 2], trial: None, rested: 0, debt: 0 }
    }
}

impl Choice {
    /// How the next pass is to be computed.
    pub(crate) fn way(&self) -> Way {
        if self.trial.is_some() { self.settled.other() } else { self.settled }
    }

    /// Begins with what passes of another kind have settled on, unless there are passes enough of this kind to judge by: long prompts
    /// have few passes, and a host that stalls one kind stalls the other.
    pub(crate) fn learn_from(&mut self, other: &Choice) {
        let settled = other.settled;
        let judged = other.recent.iter().all(|recent| recent.count > 0) && other.trial.is_none();
        if judged && settled != self.settled && self.recent[self.settled as usize].count < SAMPLES {
            *self = Choice { settled, ..Choice::default() };
        }
    }

    /// A pass, computed [`Choice::way`], has cost so much.
    pub(crate) fn record(&mut self, cost: u64) {
        let (way, settled) = (self.way(), self.settled);
        self.recent[way as usize].push(cost);
        let Some(present) = self.recent[settled as usize].cost() else { return };
        match self.trial {
            Some(spent) => self.go_on(spent.saturating_add(cost), present),
            None => {
                self.rested = self.rested.saturating_add(1);
                self.debt = self.debt.saturating_sub(cost / SHARE);
                if self.may_try(present) {
                    self.recent[settled.other() as usize] = Recent::default();
                    self.trial = Some(0);
                }
            }
        }
    }

    /// Whether it is time for a trial of the other way.
    fn may_try(&self, present: u64) -> bool {
        match self.recent[self.settled.other() as usize].count {
            // Never tried.
            0 => true,
            _ if self.rested < SHORT_REST || self.debt > 0 => false,
            _ if self.rested >= REST => true,
            // The clock does not say why the present way became dearer; the other may have, too.
            _ => self.recent[self.settled.other() as usize].cost().is_some_and(|other| present > other.saturating_add(other / 4)),
        }
    }

    /// A pass of a trial is over: the trial has cost `spent`, and a pass of the present way costs `present`.
    fn go_on(&mut self, spent: u64, present: u64) {
        let other = &self.recent[self.settled.other() as usize];
        let whole = present.saturating_mul(SAMPLES as u64);
        // Half as much again as the present way would have: whatever the rest brings, it would not win.
        let hopeless = spent > whole.saturating_add(whole / 2);
        match other.cost() {
            None if !hopeless => {
                self.trial = Some(spent);
                return;
            }
            // A little cheaper is within what chance does.
            Some(cost) if !hopeless && cost < present - present / 16 => self.settled = self.settled.other(),
            _ => {}
        }
        let passes = present.saturating_mul(other.count as u64);
        (self.trial, self.rested, self.debt) = (None, 0, spent.saturating_sub(passes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs `passes` passes that cost `[many, one]`; returns how many were on one core, and the cost of all.
    fn run(choice: &mut Choice, passes: usize, costs: [u64; 2]) -> (usize, u64) {
        (0..passes).fold((0, 0), |(ones, sum), _| {
            let way = choice.way();
            let cost = costs[way as usize];
            choice.record(cost);
            (ones + usize::from(way == Way::One), sum + cost)
        })
    }

    #[test]
    fn the_cheaper_way_is_found_and_kept() {
        let mut many = Choice::default();
        let (ones, cost) = run(&mut many, 10_000, [1000, 1900]);
        assert!(ones >= SAMPLES, "the other way is tried");
        assert!(cost < 10_000 * 1000 * 104 / 100, "{cost}");
        let mut one = Choice::default();
        let (ones, cost) = run(&mut one, 10_000, [10_000, 1000]);
        assert!(ones > 9_900, "{ones}");
        assert!(cost < 10_000 * 1000 * 105 / 100, "{cost}");
    }

    #[test]
    fn trials_waste_a_bounded_share_however_dear() {
        for factor in [1, 2, 8, 100, 10_000] {
            let mut choice = Choice::default();
            // The first trial is the one that nothing has earned.
            run(&mut choice, 2 * SAMPLES, [1000, 1000 * factor]);
            let (ones, cost) = run(&mut choice, 50_000, [1000, 1000 * factor]);
            let wasted = cost - 50_000 * 1000;
            assert!(wasted <= 50_000 * 1000 / SHARE + SAMPLES as u64 * 1000 * factor, "{factor}: {wasted}");
            assert!(ones > 0 || factor > 1000, "{factor}");
        }
    }

    #[test]
    fn a_host_that_becomes_busy_or_idle_is_noticed() {
        let mut choice = Choice::default();
        run(&mut choice, 2_000, [1000, 1900]);
        assert_eq!(choice.settled, Way::Many);
        // Busy: many cores wait for one that does not run.
        run(&mut choice, 40, [20_000, 2000]);
        assert_eq!((choice.settled, choice.trial), (Way::One, None));
        let (ones, _) = run(&mut choice, 1_000, [20_000, 2000]);
        assert!(ones > 980, "{ones}");
        run(&mut choice, 10_000, [1000, 1900]);
        assert_eq!(choice.settled, Way::Many);
    }

    #[test]
    fn what_another_kind_has_settled_is_where_to_begin() {
        let (mut busy, mut prompts) = (Choice::default(), Choice::default());
        prompts.learn_from(&busy);
        assert_eq!(prompts.way(), Way::Many, "nothing is known");
        run(&mut busy, 20, [20_000, 2000]);
        run(&mut prompts, 1, [90_000, 9000]);
        prompts.learn_from(&busy);
        assert_eq!(prompts.way(), Way::One);
        // Its own passes then decide.
        run(&mut prompts, 20, [5000, 9000]);
        prompts.learn_from(&busy);
        assert_eq!(prompts.settled, Way::Many);
    }

    #[test]
    fn one_interruption_decides_nothing() {
        let mut choice = Choice::default();
        run(&mut choice, 100, [1000, 1900]);
        for n in 0..5_000 {
            let cost = [1000, 1900][choice.way() as usize];
            choice.record(if n % 10 == 0 { cost * 50 } else { cost });
            assert_eq!(choice.settled, Way::Many, "pass {n}");
        }
    }

    #[test]
    fn extreme_costs_do_not_overflow() {
        for costs in [[0, 0], [u64::MAX; 2], [0, u64::MAX], [u64::MAX, 0]] {
            let mut choice = Choice::default();
            let ones = (0..1_000).filter(|_| {
                let way = choice.way();
                choice.record(costs[way as usize]);
                way == Way::One
            });
            assert!(ones.count() >= 1);
        }
    }
}
