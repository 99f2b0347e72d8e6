//! The shape of the command line.

use super::*;
use clap::{CommandFactory as _, error::ErrorKind};

#[test]
fn the_definition_of_the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn the_commands_of_the_contract_are_understood() {
    for line in [
        "gantry serve",
        "gantry serve --sandbox --listen 127.0.0.1:0 --data-dir x --images 500 --speed 60 --seed 3",
        "gantry serve --regions us-east-1 eu-central-1 --tls-cert a --tls-key b --client-ca c",
        "gantry serve --insecure-plaintext --listen 0.0.0.0:1 --config gantry.toml",
        "gantry sandbox --listen 127.0.0.1:4599 --region sandbox-1 sandbox-2 --images 10 --speed 2.5 --seed 1",
        "gantry images list --owner amazon --filter architecture=arm64 --filter gantry:os=linux --limit 0",
        "gantry images get ami-12345678 --output json --region us-east-1 --server http://127.0.0.1:1",
        "gantry images classify ami-12345678 ami-87654321",
        "gantry images list --max-staleness 0 --output json",
        "gantry images classify --filter name=a* --short",
        "gantry images classify --from images.json --account-id 111122223333 --now 2026-11-25T00:00:00Z",
        "gantry images classify --from - --output json --now 30m",
        "gantry images resolve --owner amazon --name al2023-*",
        "gantry images resolve --any-owner --name al2023-*",
        "gantry images resolve --ssm-parameter /aws/service/x",
        "gantry check ami-12345678 --types t3.micro,m7i.large",
        "gantry check ami-12345678 --availability-zone us-east-1a --all-findings",
        "gantry launch --image ami-12345678 --types t3.micro --watch",
        "gantry launch --receipt receipt.json --types t3.micro",
        "gantry launch --image-owner amazon --image-name al2023-* --image-architecture arm64 --types t4g.micro",
        "gantry launch --image-ssm-parameter /aws/service/x --types t3.micro",
        "gantry launch --launch-template web --validate-only",
        "gantry watch 01920000-0000-7000-8000-000000000000",
        "gantry watch i-12345678 i-87654321",
        "gantry launches list --state ready,failed --since 2h",
        "gantry launches show x",
        "gantry launches show x --timeline --all --output json",
        "gantry launches show x --svg boot.svg",
        "gantry launch --image ami-12345678 --types t3.micro --watch --console",
        "gantry watch i-12345678 --console",
        "gantry launches statistics --by image,type,root-device,virtualization --since 30d",
        "gantry launches cancel x --reason y",
        "gantry launches terminate x --watch",
        "gantry audit list --kind decision --verdict refused",
        "gantry audit show 0",
    ] {
        Cli::try_parse_from(line.split_whitespace()).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}

#[test]
fn wrong_questions_are_told_apart_from_help() {
    for (line, kind) in [
        ("gantry --help", ErrorKind::DisplayHelp),
        ("gantry --version", ErrorKind::DisplayVersion),
        ("gantry", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
        ("gantry lunch", ErrorKind::InvalidSubcommand),
        ("gantry serve --listen here", ErrorKind::ValueValidation),
        ("gantry serve --tls-cert a", ErrorKind::MissingRequiredArgument),
        ("gantry launch --validate-only --watch", ErrorKind::ArgumentConflict),
        ("gantry watch", ErrorKind::MissingRequiredArgument),
        ("gantry launch --image ami-12345678 --console", ErrorKind::MissingRequiredArgument),
        ("gantry launches show x --timeline --decode", ErrorKind::ArgumentConflict),
        ("gantry images classify ami-12345678 --from images.json", ErrorKind::ArgumentConflict),
        ("gantry images classify --region us-east-1 --from images.json", ErrorKind::ArgumentConflict),
        ("gantry images classify --filter name=a --from -", ErrorKind::ArgumentConflict),
        ("gantry images classify ami-12345678 --now 2026-11-25T00:00:00Z", ErrorKind::ArgumentConflict),
        ("gantry images classify --now 2026-11-25T00:00:00Z", ErrorKind::MissingRequiredArgument),
        ("gantry images classify --from - --account-id 12", ErrorKind::ValueValidation),
        ("gantry images resolve --name al2023-*", ErrorKind::MissingRequiredArgument),
        ("gantry images resolve --name al2023-* --owner amazon --any-owner", ErrorKind::ArgumentConflict),
        ("gantry launch --image ami-12345678 --receipt r.json", ErrorKind::ArgumentConflict),
        ("gantry launch --receipt r.json --image-owner amazon", ErrorKind::ArgumentConflict),
        ("gantry images get ami-1 --output xml", ErrorKind::InvalidValue),
    ] {
        assert_eq!(Cli::try_parse_from(line.split_whitespace()).unwrap_err().kind(), kind, "{line}");
    }
}

#[test]
fn a_refusal_says_everything_that_was_wrong() {
    use crate::client::{ClientError, Refusal, Violation};
    let violation = |reason: &str, subject: &str, description: &str| Violation {
        reason: reason.into(),
        subject: subject.into(),
        description: description.into(),
    };
    let refusal = Refusal {
        code: "FAILED_PRECONDITION",
        message: "the facts forbid this launch".into(),
        reason: Some("LAUNCH_REFUSED".into()),
        metadata: [("launch_id".to_owned(), "0192".to_owned())].into(),
        violations: vec![
            violation("ENA_REQUIRED", "image.ena_support", "t3.micro requires ENA"),
            violation("", "spec.min_count", "must not be above max_count"),
        ],
        resource: None,
        retry_after: Some(std::time::Duration::from_secs(5)),
    };
    let failure = Failure::from(ClientError::Refused(Box::new(refusal)));
    assert_eq!(
        failure.to_string(),
        "error: FAILED_PRECONDITION (LAUNCH_REFUSED): the facts forbid this launch\n  \
         ENA_REQUIRED: image.ena_support: t3.micro requires ENA\n  \
         spec.min_count: must not be above max_count\n  \
         launch_id: 0192\n  \
         try again after 5s"
    );
}

#[test]
fn causes_follow_the_error_once_each() {
    let inner = anyhow::anyhow!("Connection refused (os error 111)");
    let error = inner.context("tcp connect error").context("tcp connect error").context("cannot connect to x");
    assert_eq!(
        Failure::from(error).to_string(),
        "error: cannot connect to x: tcp connect error: Connection refused (os error 111)"
    );
}
