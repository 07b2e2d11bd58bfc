//! The three-way merge of one field that may change in two systems: SYSPRO's value, ServiceNow's value, and both values at the last
//! agreement. Pure; the caller reads, writes and stores.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::delivery::words;

/// One of the two systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub enum Side {
    /// SYSPRO.
    #[serde(rename = "syspro")]
    Syspro,
    /// ServiceNow.
    #[serde(rename = "servicenow")]
    ServiceNow,
}

words!(Side { Syspro = "syspro", ServiceNow = "servicenow" });

/// The rule when both sides changed a field, or when two lists are compared for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Rule {
    /// A person.
    #[default]
    Review,
    /// SYSPRO's value wins.
    Syspro,
    /// ServiceNow's value wins.
    ServiceNow,
}

impl Rule {
    /// The side whose value wins; `None`: a person decides.
    pub fn side(self) -> Option<Side> {
        match self {
            Rule::Review => None,
            Rule::Syspro => Some(Side::Syspro),
            Rule::ServiceNow => Some(Side::ServiceNow),
        }
    }
}

/// The value of each side at the last agreement. The two texts may always differ, because the target shortens and rounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(String, String)", into = "(String, String)")]
pub struct BaseVersion {
    /// SYSPRO's text.
    pub syspro: String,
    /// ServiceNow's text.
    pub servicenow: String,
}

impl From<(String, String)> for BaseVersion {
    fn from((syspro, servicenow): (String, String)) -> Self {
        Self { syspro, servicenow }
    }
}

impl From<BaseVersion> for (String, String) {
    fn from(agreed: BaseVersion) -> Self {
        (agreed.syspro, agreed.servicenow)
    }
}

/// A person's decision, and the two values that it was about. It is not valid for any other values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The side whose value wins.
    pub side: Side,
    /// SYSPRO's value that the person saw.
    pub syspro: String,
    /// ServiceNow's value that the person saw.
    pub servicenow: String,
}

/// Why a side's value is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Only that side changed it.
    Alone,
    /// The field's rule says so.
    Rule,
    /// A person decided so.
    Person,
}

/// Why a field waits for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clash {
    /// The sides differ, and it is not known whether they ever agreed.
    FirstContact,
    /// Both sides changed it since they last agreed.
    BothChanged,
}

/// What to do with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Both sides have the same value: this is the new base version. The echo of our own write also ends here.
    InStep,
    /// The sides differ just as they did at the last agreement: nothing to do.
    Unchanged,
    /// This side's value is sent to the other.
    Take(Side, Why),
    /// Nothing is written until a person has decided.
    Review(Clash),
}

/// Decides about one field. `same` tells whether two texts mean the same value, such as `12.5` and `12.50`.
pub fn merge(
    agreed: Option<&BaseVersion>,
    syspro: &str,
    servicenow: &str,
    rule: Rule,
    decided: Option<&Decided>,
    same: impl Fn(&str, &str) -> bool,
) -> Decision {
    if same(syspro, servicenow) {
        return Decision::InStep;
    }
    let by_rule = |clash| rule.side().map_or(Decision::Review(clash), |side| Decision::Take(side, Why::Rule));
    let of_a_person = || {
        let seen = |decided: &&Decided| decided.syspro == syspro && decided.servicenow == servicenow;
        decided.filter(seen).map(|decided| Decision::Take(decided.side, Why::Person))
    };
    let Some(agreed) = agreed else { return of_a_person().unwrap_or_else(|| by_rule(Clash::FirstContact)) };
    match (!same(&agreed.syspro, syspro), !same(&agreed.servicenow, servicenow)) {
        (false, false) => of_a_person().unwrap_or(Decision::Unchanged),
        (true, false) => of_a_person().unwrap_or(Decision::Take(Side::Syspro, Why::Alone)),
        (false, true) => of_a_person().unwrap_or(Decision::Take(Side::ServiceNow, Why::Alone)),
        (true, true) => of_a_person().unwrap_or_else(|| by_rule(Clash::BothChanged)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn exact(a: &str, b: &str) -> bool {
        a == b
    }

    fn agreed(syspro: &str, servicenow: &str) -> BaseVersion {
        BaseVersion { syspro: syspro.into(), servicenow: servicenow.into() }
    }

    #[test]
    fn what_one_side_changed_goes_to_the_other_and_what_both_changed_is_decided() {
        let a = agreed("a", "a");
        let merge = |syspro, servicenow, rule| merge(Some(&a), syspro, servicenow, rule, None, exact);
        for rule in [Rule::Review, Rule::Syspro, Rule::ServiceNow] {
            assert_eq!(merge("b", "a", rule), Decision::Take(Side::Syspro, Why::Alone), "{rule:?}");
            assert_eq!(merge("a", "b", rule), Decision::Take(Side::ServiceNow, Why::Alone), "{rule:?}");
            assert_eq!(merge("b", "b", rule), Decision::InStep, "{rule:?}");
            assert_eq!(merge("a", "a", rule), Decision::InStep, "{rule:?}");
        }
        assert_eq!(merge("b", "c", Rule::Review), Decision::Review(Clash::BothChanged));
        assert_eq!(merge("b", "c", Rule::Syspro), Decision::Take(Side::Syspro, Why::Rule));
        assert_eq!(merge("b", "c", Rule::ServiceNow), Decision::Take(Side::ServiceNow, Why::Rule));
    }

    #[test]
    fn two_lists_that_meet_change_nothing_without_a_rule() {
        let merge = |syspro, servicenow, rule| merge(None, syspro, servicenow, rule, None, exact);
        assert_eq!(merge("a", "a", Rule::Review), Decision::InStep);
        assert_eq!(merge("a", "b", Rule::Review), Decision::Review(Clash::FirstContact));
        assert_eq!(merge("a", "", Rule::Review), Decision::Review(Clash::FirstContact), "an empty text is a value too");
        assert_eq!(merge("a", "b", Rule::Syspro), Decision::Take(Side::Syspro, Why::Rule));
    }

    #[test]
    fn a_text_that_the_target_cut_is_no_edit() {
        let a = agreed("a long description", "a long des");
        let merge = |syspro, servicenow| merge(Some(&a), syspro, servicenow, Rule::Syspro, None, exact);
        assert_eq!(merge("a long description", "a long des"), Decision::Unchanged);
        assert_eq!(merge("a long description", "an edit"), Decision::Take(Side::ServiceNow, Why::Alone));
    }

    #[test]
    fn a_decision_holds_for_the_values_that_the_person_saw() {
        let a = agreed("a", "a");
        let decided = Decided { side: Side::ServiceNow, syspro: "b".into(), servicenow: "c".into() };
        let merge = |syspro, servicenow| merge(Some(&a), syspro, servicenow, Rule::Review, Some(&decided), exact);
        assert_eq!(merge("b", "c"), Decision::Take(Side::ServiceNow, Why::Person));
        assert_eq!(merge("b2", "c"), Decision::Review(Clash::BothChanged), "SYSPRO changed again");
        assert_eq!(merge("b", "c2"), Decision::Review(Clash::BothChanged), "ServiceNow changed again");
        assert_eq!(merge("c", "c"), Decision::InStep, "applied");
    }

    /// An event for one field.
    #[derive(Clone, Debug)]
    enum Event {
        Edit(Side, u8),
        /// A run; the bool tells whether a write succeeds at once.
        Run(bool),
        Resolve(Side),
    }

    fn events() -> impl Strategy<Value = Vec<Event>> {
        let side = prop_oneof![Just(Side::Syspro), Just(Side::ServiceNow)];
        let event = prop_oneof![
            (side.clone(), 0..4_u8).prop_map(|(side, value)| Event::Edit(side, value)),
            any::<bool>().prop_map(Event::Run),
            side.prop_map(Event::Resolve),
        ];
        proptest::collection::vec(event, 1..40)
    }

    /// One field on both sides, and the state of the test.
    #[derive(Default)]
    struct World {
        values: [String; 2],
        agreed: Option<BaseVersion>,
        decided: Option<Decided>,
        /// For each side: a person set this value, and nobody has used or removed it since.
        unseen: [bool; 2],
        writes: usize,
    }

    fn at(side: Side) -> usize {
        usize::from(side == Side::ServiceNow)
    }

    impl World {
        fn decide(&self, rule: Rule) -> Decision {
            merge(self.agreed.as_ref(), &self.values[0], &self.values[1], rule, self.decided.as_ref(), exact)
        }

        fn run(&mut self, rule: Rule, through: bool) {
            match self.decide(rule) {
                Decision::InStep => {
                    self.agreed = Some(agreed(&self.values[0], &self.values[1]));
                    self.unseen = [false; 2];
                }
                Decision::Unchanged | Decision::Review(_) => {}
                Decision::Take(side, why) => {
                    let other = 1 - at(side);
                    assert!(why != Why::Alone || !self.unseen[other], "an edit is overwritten though neither rule nor person said so");
                    if through {
                        self.values[other] = self.values[at(side)].clone();
                        self.writes += 1;
                        self.agreed = Some(agreed(&self.values[0], &self.values[1]));
                        self.unseen = [false; 2];
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn no_edit_is_lost_and_nothing_is_written_twice(events in events(), rule in prop_oneof![Just(Rule::Review), Just(Rule::Syspro), Just(Rule::ServiceNow)]) {
            let mut world = World { agreed: Some(agreed("", "")), ..World::default() };
            for event in events {
                match event {
                    Event::Edit(side, value) => {
                        let value = value.to_string();
                        // a person who restores the agreed text has removed the edit
                        let of_old = world.agreed.as_ref().is_some_and(|agreed| value == [&agreed.syspro, &agreed.servicenow][at(side)].as_str());
                        world.unseen[at(side)] = !of_old;
                        world.values[at(side)] = value;
                    }
                    Event::Run(through) => world.run(rule, through),
                    Event::Resolve(side) => {
                        world.decided = Some(Decided { side, syspro: world.values[0].clone(), servicenow: world.values[1].clone() });
                    }
                }
            }
            world.run(rule, true);
            let (writes, held) = (world.writes, matches!(world.decide(rule), Decision::Review(_)));
            prop_assert!(held || world.values[0] == world.values[1], "{:?}", world.values);
            for _ in 0..3 {
                world.run(rule, true);
            }
            prop_assert_eq!(world.writes, writes, "no new edit, and yet a write");
        }
    }
}
