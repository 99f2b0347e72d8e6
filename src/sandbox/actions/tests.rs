//! The documentation for the sandbox's users says what is served, and it is true.

use std::collections::BTreeSet;

use super::*;
use crate::sandbox::images;
use crate::sandbox::instance_types;
use crate::sandbox::wire::filter::Table;

const DOCUMENT: &str = include_str!("../../../docs/sandbox.md");

#[test]
fn the_documentation_lists_what_is_served_and_nothing_else() {
    let section = DOCUMENT.split("## What is served").nth(1).unwrap().split("### Filters").next().unwrap();
    // Actions are code in the first column of a table, and in the sentences about the other APIs.
    let rows = section.lines().filter(|line| ["| `", "**STS**", "**SSM**"].iter().any(|begin| line.starts_with(begin)));
    let first = |line: &str| line.trim_start_matches("| ").split(" | ").next().unwrap_or_default().to_owned();
    let listed: BTreeSet<String> = rows
        .map(first)
        .flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>())
        .filter(|word| word.starts_with(|c: char| c.is_ascii_uppercase()))
        .collect();
    assert_eq!(listed, served().map(str::to_owned).collect());
}

/// The line of the documentation about one action's filters.
fn line<F>(action: &str, table: &Table<F>, taggable: bool) -> String {
    let mut names: Vec<&str> = table.iter().map(|(name, _)| *name).collect();
    if taggable {
        names.extend(["tag-key", "tag:<key>"]);
    }
    names.sort_unstable();
    names.dedup();
    format!("- `{action}`: `{}`", names.join("`, `"))
}

#[test]
fn the_documentation_lists_every_filter() {
    let lines = [
        line("DescribeAvailabilityZones", regions::ZONE_FILTERS, false),
        line("DescribeImages", images::filters::FILTERS, true),
        line("DescribeInstanceCreditSpecifications", attributes::CREDIT_FILTERS, false),
        line("DescribeInstanceStatus", status::FILTERS, false),
        line("DescribeInstanceTypeOfferings", offerings::FILTERS, false),
        line("DescribeInstanceTypes", instance_types::filters::FILTERS, false),
        line("DescribeInstances", instances::filters::FILTERS, true),
        line("DescribeKeyPairs", key_pairs::FILTERS, true),
        line("DescribeLaunchTemplateVersions", launch_templates::versions::FILTERS, false),
        line("DescribeLaunchTemplates", launch_templates::FILTERS, true),
        line("DescribeRegions", regions::REGION_FILTERS, false),
        line("DescribeSecurityGroups", network::GROUP_FILTERS, true),
        line("DescribeSubnets", network::SUBNET_FILTERS, true),
        line("DescribeTags", tags::FILTERS, true),
        line("DescribeVolumes", volumes::FILTERS, true),
        line("DescribeVpcs", network::VPC_FILTERS, true),
    ];
    let section = DOCUMENT.split("### Filters").nth(1).unwrap().split("## Where it differs").next().unwrap();
    let listed: Vec<&str> = section.lines().filter(|line| line.starts_with("- `")).collect();
    assert_eq!(listed, lines, "it should say:\n{}\n", lines.join("\n"));
}
