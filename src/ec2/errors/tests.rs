//! The table is whole, sorted and says what the fact pages say.

use super::ErrorClass::*;
use super::table::{CODES, FAMILIES};
use super::*;

#[test]
fn the_table_is_sorted_and_has_no_code_twice() {
    for pair in CODES.windows(2) {
        assert!(pair[0].0 < pair[1].0, "{} stands before {}", pair[0].0, pair[1].0);
    }
}

#[test]
fn every_row_has_a_remedy_that_reads_as_part_of_a_sentence() {
    let remedies = CODES.iter().map(|row| row.2).chain(FAMILIES.iter().map(|row| row.3));
    for remedy in remedies {
        assert!(!remedy.is_empty() && !remedy.ends_with('.'), "{remedy}");
        assert!(remedy.starts_with(|c: char| c.is_lowercase()), "{remedy}");
        assert!(!remedy.contains("  "), "{remedy}");
    }
}

/// What EC2's error pages list for launches and queries, grouped as there.
#[test]
fn every_code_of_launches_and_queries_has_its_class() {
    let groups: &[(ErrorClass, &[&str])] = &[
        (Throttled, &["RequestLimitExceeded", "Throttling", "ThrottlingException", "ConcurrentTagAccess"]),
        (
            Transient,
            &[
                "InternalError",
                "InternalFailure",
                "ServerInternal",
                "ServiceUnavailable",
                "Unavailable",
                "RetryableError",
            ],
        ),
        (
            Capacity,
            &[
                "InsufficientInstanceCapacity",
                "InsufficientCapacity",
                "InsufficientHostCapacity",
                "InsufficientCapacityOnHost",
                "InsufficientReservedInstanceCapacity",
                "InsufficientVolumeCapacity",
                "InsufficientAddressCapacity",
                "InsufficientFreeAddressesInSubnet",
                "ReservationCapacityExceeded",
                "UnfulfillableCapacity",
                "SpotMaxPriceTooLow",
                "VolumeTypeNotAvailableInZone",
                "UnavailableHostRequirements",
                "IncompatibleHostRequirements",
            ],
        ),
        (
            Quota,
            &[
                "VcpuLimitExceeded",
                "InstanceLimitExceeded",
                "MaxSpotInstanceCountExceeded",
                "VolumeLimitExceeded",
                "MaxIOPSLimitExceeded",
                "NetworkInterfaceLimitExceeded",
                "AddressLimitExceeded",
                "PrivateIpAddressLimitExceeded",
                "InvalidInterface.IpAddressLimitExceeded",
                "AttachmentLimitExceeded",
                "TagLimitExceeded",
                "SecurityGroupsPerInstanceLimitExceeded",
                "SecurityGroupsPerInterfaceLimitExceeded",
                "HostLimitExceeded",
                "ResourceLimitExceeded",
                "ResourceCountExceeded",
                "RequestResourceCountExceeded",
            ],
        ),
        (
            Permission,
            &[
                "UnauthorizedOperation",
                "AuthFailure",
                "PendingVerification",
                "Blocked",
                "AccountDisabled",
                "CustomerKeyHasBeenRevoked",
                "TagPolicyViolation",
                "InvalidClientTokenId",
                "SignatureDoesNotMatch",
                "IncompleteSignature",
                "MissingAuthenticationToken",
                "RequestExpired",
                "OperationNotPermitted",
            ],
        ),
        (OptIn, &["OptInRequired"]),
        (Idempotency, &["IdempotentParameterMismatch", "IdempotentInstanceTerminated", "InvalidClientToken"]),
        (
            Incompatible,
            &[
                "InvalidAMIID.Unavailable",
                "InvalidManifest",
                "Unsupported",
                "UnsupportedOperation",
                "InvalidParameterCombination",
                "UnsupportedHibernationConfiguration",
                "UnsupportedTenancy",
                "UnsupportedHostConfiguration",
                "UnsupportedInstanceTypeOnHost",
                "BootForVolumeTypeUnsupported",
                "EncryptedVolumesNotSupported",
                "InstanceCreditSpecification.NotSupported",
                "NonEBSInstance",
                "InvalidCpuCredits",
            ],
        ),
        (
            NotFound,
            &[
                "InvalidAMIID.NotFound",
                "InvalidSubnetID.NotFound",
                "InvalidSubnetId.NotFound",
                "InvalidSubnet",
                "InvalidGroup.NotFound",
                "InvalidSecurityGroupID.NotFound",
                "InvalidKeyPair.NotFound",
                "InvalidSnapshot.NotFound",
                "InvalidInstanceID.NotFound",
                "InvalidZone.NotFound",
                "InvalidLaunchTemplateId.NotFound",
                "InvalidLaunchTemplateId.VersionNotFound",
                "InvalidLaunchTemplateName.NotFoundException",
                "InvalidPlacementGroup.Unknown",
                "InvalidHostID.NotFound",
                "InvalidCapacityReservationId.NotFound",
            ],
        ),
        (
            Invalid,
            &[
                "InvalidAMIID.Malformed",
                "InvalidAMIName.Malformed",
                "InvalidAMIName.Duplicate",
                "InvalidKernelId.Malformed",
                "InvalidRamDiskId.Malformed",
                "InvalidProductInfo",
                "InvalidParameterValue",
                "InvalidGroupId.Malformed",
                "InvalidInstanceID.Malformed",
                "InvalidInstanceType",
                "InvalidAvailabilityZone",
                "InvalidLaunchTemplateId.Malformed",
                "InvalidHostID.Malformed",
                "InvalidIamInstanceProfileArn.Malformed",
                "InvalidIPAddress.InUse",
                "InvalidNetworkInterface.InUse",
                "InvalidBlockDeviceMapping",
                "InvalidTagKey.Malformed",
                "InvalidTenancy",
                "VPCIdNotSpecified",
                "VPCResourceNotSpecified",
                "ZonesMismatched",
                "InvalidParameter",
                "ValidationError",
                "MissingParameter",
                "MissingInput",
                "InvalidInput",
                "UnknownParameter",
                "InvalidParameterDependency",
                "InvalidFilter",
                "FilterLimitExceeded",
                "InvalidMaxResults",
                "InvalidNextToken",
                "InvalidPaginationToken",
                "InvalidRequest",
            ],
        ),
        (DryRunOk, &["DryRunOperation"]),
        (Unknown, &["", "Client.", "SomethingNeverSeen", ".Broken"]),
    ];
    for (class, codes) in groups {
        for code in *codes {
            assert_eq!(meaning_of(code).class, *class, "{code}");
        }
    }
}

#[test]
fn codes_in_the_form_of_state_reasons_are_understood() {
    assert_eq!(meaning_of("Server.InsufficientInstanceCapacity").class, Capacity);
    assert_eq!(meaning_of("Client.VolumeLimitExceeded").class, Quota);
    assert_eq!(meaning_of("Client.InvalidSnapshot.NotFound").class, NotFound);
}

#[test]
fn only_a_definite_refusal_means_that_nothing_happened() {
    let table = [
        ("InvalidParameterValue", 400, true),
        ("UnauthorizedOperation", 403, true),
        ("OptInRequired", 401, true),
        ("DryRunOperation", 412, true),
        ("SomethingNeverSeen", 400, true),
        ("SomethingNeverSeen", 500, false),
        ("VcpuLimitExceeded", 500, false),
        ("InsufficientInstanceCapacity", 500, true),
        ("InsufficientCapacity", 503, true),
        ("RequestLimitExceeded", 503, true),
        ("InternalError", 500, false),
        ("ServiceUnavailable", 503, false),
        ("Unavailable", 503, false),
        ("RequestTimeout", 408, false),
        ("IdempotentParameterMismatch", 400, false),
        ("IdempotentInstanceTerminated", 400, false),
        ("InvalidClientToken", 400, true),
    ];
    for (code, http_status, nothing) in table {
        let Meaning { class, remedy } = meaning_of(code);
        let answer =
            Answer { code: code.to_owned(), message: String::new(), class, http_status, request_id: None, remedy };
        assert_eq!(Ec2Error::Answered(answer).definitely_nothing_happened(), nothing, "{code} {http_status}");
    }
}

#[test]
fn a_role_that_was_not_assumed_means_that_nothing_was_sent() {
    let answered = |code: &str, http_status| {
        let Meaning { class, remedy } = meaning_of(code);
        let (code, message, request_id) = (code.to_owned(), "words".to_owned(), None);
        Ec2Error::Answered(Answer { code, message, class, http_status, request_id, remedy })
    };
    let silent = |silence| Ec2Error::NoAnswer { silence, detail: String::new(), may_have_happened: true };
    for (why, code, class, remedy) in [
        (answered("AccessDenied", 403), "AccessDenied", Permission, "sts:SetSourceIdentity"),
        (answered("InternalFailure", 500), "InternalFailure", Transient, "repeat"),
        (answered("Throttling", 400), "Throttling", Throttled, "wait"),
        (answered("RegionDisabledException", 403), "RegionDisabledException", OptIn, "enable STS"),
        (silent(Silence::TimedOut), "STS_TIMEOUT", Transient, "STS's endpoint"),
        (silent(Silence::ConnectionFailed), "STS_UNREACHABLE", Transient, "STS's endpoint"),
    ] {
        let error = Ec2Error::NotAssumed(Box::new(why));
        assert!(error.definitely_nothing_happened(), "{error:?}");
        assert_eq!((error.code(), error.class()), (code, class));
        assert!(error.remedy().contains(remedy), "{error:?}: {}", error.remedy());
    }
}
