//! What policy, and the memory of missing capacity, say about a launch.

use crate::ami::finding_rule::FindingRule;
use crate::record::Outcome;

pub(in crate::launch) static CAPACITY_LACKED_RECENTLY: FindingRule = FindingRule {
    code: "CAPACITY_LACKED_RECENTLY",
    outcome: Outcome::Warn,
    field: "instance_types.capacity",
    expected: "capacity",
    means: "EC2 had no capacity for so many instances of the type in the zone within the last three minutes, for this \
            launch or another.",
    remedy: "Nothing: what else there is comes first. To wait for this type and zone, ask again in some minutes.",
    source: "EC2 User Guide, Troubleshoot Amazon EC2 instance launch issues",
};

pub(in crate::launch) static LAUNCHES_PAUSED: FindingRule = FindingRule {
    code: "LAUNCHES_PAUSED",
    outcome: Outcome::Fail,
    field: "launches",
    expected: "let pass",
    means: "Somebody has stopped new launches (`gantry policy pause`); the message says who and why. Refused are \
            launches that facts, policy and quotas would admit.",
    remedy: "Ask again under the same request_id once launches are resumed (`gantry policy resume`).",
    source: "docs/policy.md",
};

pub(in crate::launch) static QUOTA_EXCEEDED: FindingRule = FindingRule {
    code: "LAUNCH_QUOTA_EXCEEDED",
    outcome: Outcome::Fail,
    field: "quota",
    expected: "room for the launch",
    means: "The launch would go beyond a quota of this server, of whoever asks or of all together. The field says which.",
    remedy: "Ask again under the same request_id when there is room, for fewer instances, or have the quota raised.",
    source: "docs/policy.md",
};

pub(in crate::launch) static POLICY_DENIED: FindingRule = FindingRule {
    code: "POLICY_DENIED",
    outcome: Outcome::Fail,
    field: "policy",
    expected: "permitted",
    means: "Policy denies the launch, or one of its instance types, which is struck then. What was observed is the \
            policy's id; message and remedy are the policy's own.",
    remedy: "Do what the policy's remedy says, or have the policy changed.",
    source: "docs/policy.md",
};

pub(in crate::launch) static POLICY_OVERRIDDEN: FindingRule = FindingRule {
    code: "POLICY_OVERRIDDEN",
    outcome: Outcome::Warn,
    field: "policy",
    expected: "permitted",
    means: "Policy denies it, and whoever asked had it overridden by break_glass, which policy permits them.",
    remedy: "Have somebody look at why: the record has the reason that was given.",
    source: "docs/policy.md",
};

pub(in crate::launch) static BREAK_GLASS_DENIED: FindingRule = FindingRule {
    code: "BREAK_GLASS_DENIED",
    outcome: Outcome::Fail,
    field: "break_glass",
    expected: "permitted",
    means: "Policy does not permit this caller to override it.",
    remedy: "Ask somebody who may, or do what the denying policies say.",
    source: "docs/policy.md",
};
