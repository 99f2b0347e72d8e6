//! Findings about whether an image can be launched, and for how long.

use crate::ami::finding_rule::{FindingGroup, FindingRule};
use crate::record::Outcome;

pub(super) const GROUP: FindingGroup = FindingGroup {
    title: "Whether it can be launched, and for how long",
    about: "Deprecation stands beside the state: a deprecated image is available and can be launched by its id.",
    rules: &[&NOT_AVAILABLE, &DEPRECATED, &DEPRECATION_NEAR, &NOT_LAUNCHED_FOR_LONG],
};

pub(in crate::ami::classify) static NOT_AVAILABLE: FindingRule = FindingRule {
    code: "NOT_AVAILABLE",
    outcome: Outcome::Fail,
    field: "image.state",
    expected: "available",
    means: "In this state it cannot be launched.",
    remedy: "Wait while it is pending; ask its owner to enable it where it is disabled; otherwise choose another \
             image.",
    source: "EC2 API Reference, Image",
};

pub(in crate::ami::classify) static DEPRECATED: FindingRule = FindingRule {
    code: "DEPRECATED",
    outcome: Outcome::Warn,
    field: "image.deprecation_time",
    expected: "",
    means: "It is past its deprecation time, which its owner set, or AWS two years after a public image was made: it \
            can still be launched by its id, and is hidden from lists. A deprecated public image that nobody launches for six months stops being public.",
    remedy: "Move to the image that follows it.",
    source: "EC2 User Guide, Deprecate an Amazon EC2 AMI",
};

pub(in crate::ami::classify) static DEPRECATION_NEAR: FindingRule = FindingRule {
    code: "DEPRECATION_NEAR",
    outcome: Outcome::Warn,
    field: "image.deprecation_time",
    expected: "",
    means: "It will be deprecated within 90 days.",
    remedy: "Move to the image that follows it.",
    source: "EC2 User Guide, Deprecate an Amazon EC2 AMI",
};

pub(in crate::ami::classify) static NOT_LAUNCHED_FOR_LONG: FindingRule = FindingRule {
    code: "NOT_LAUNCHED_FOR_LONG",
    outcome: Outcome::Warn,
    field: "image.last_launched_time",
    expected: "",
    means: "Nobody has launched it for 180 days, and its snapshots are billed all the same.",
    remedy: "Deregister it and delete its snapshots if it is no longer needed.",
    source: "EC2 User Guide, Check when an Amazon EC2 AMI was last used",
};
