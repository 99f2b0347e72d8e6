//! Findings about where an image comes from and who may use it.

use crate::ami::finding_rule::{FindingGroup, FindingRule};
use crate::record::Outcome;

pub(super) const GROUP: FindingGroup = FindingGroup {
    title: "Where it comes from and who may use it",
    about: "A name is what its owner wrote. Only the owner alias, from a list that Amazon keeps, and the account \
            id say who that is.",
    rules: &[&LOOK_ALIKE_NAME, &NOT_ALLOWED, &MARKETPLACE_SUBSCRIPTION, &PUBLIC_UNENCRYPTED],
};

pub(in crate::ami::classify) static LOOK_ALIKE_NAME: FindingRule = FindingRule {
    code: "LOOK_ALIKE_NAME",
    outcome: Outcome::Warn,
    field: "image.name",
    expected: "a name of its own, or owner alias amazon or aws-marketplace",
    means: "The name is like a well-known publisher's, but its owner is not one that Amazon vouches for. Anybody \
            can publish an image under such a name (CVE-2018-15869).",
    remedy: "Check the owner's account id against the publisher's documentation, and select by owner, never by \
             name alone.",
    source: "EC2 User Guide, Find an AMI that meets the requirements for your EC2 instance",
};

pub(in crate::ami::classify) static NOT_ALLOWED: FindingRule = FindingRule {
    code: "NOT_ALLOWED",
    outcome: Outcome::Warn,
    field: "image.image_allowed",
    expected: "true",
    means: "It does not meet the account's Allowed AMIs criteria. In audit mode EC2 still shows and launches it; \
            once they are enabled it can neither be seen nor launched.",
    remedy: "Choose an image that meets one of the criteria, or have the criteria changed.",
    source: "EC2 User Guide, Control the discovery and use of AMIs in Amazon EC2 with Allowed AMIs",
};

pub(in crate::ami::classify) static MARKETPLACE_SUBSCRIPTION: FindingRule = FindingRule {
    code: "MARKETPLACE_SUBSCRIPTION",
    outcome: Outcome::Warn,
    field: "image.product_codes",
    expected: "",
    means: "It carries an AWS Marketplace product code. Without a subscription of this account EC2 refuses the \
            launch with OptInRequired.",
    remedy: "Subscribe to the product in AWS Marketplace once for the account.",
    source: "EC2 User Guide, Paid AMIs in the AWS Marketplace for Amazon EC2 instances",
};

pub(in crate::ami::classify) static PUBLIC_UNENCRYPTED: FindingRule = FindingRule {
    code: "PUBLIC_UNENCRYPTED",
    outcome: Outcome::Warn,
    field: "image.block_device_mappings.ebs.encrypted",
    expected: "true, or a private image",
    means: "Everybody may launch this image of yours and read all that is on it.",
    remedy: "Make sure that no secret is on it, or take back the public permission.",
    source: "EC2 User Guide, Make your AMI publicly available for use in Amazon EC2",
};
