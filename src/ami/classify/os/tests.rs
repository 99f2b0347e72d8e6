//! Detection against 1,301 real names, and against the naming of publishers that are not there.

use std::collections::BTreeMap;

use serde_json::Value;

use super::*;

const IMAGES: &str = include_str!("../../../../data/amis-us-east-1.jsonl");

fn blank() -> Image {
    Image::unknown("ami-0123456789abcdef0".parse().unwrap())
}

fn detect(image: &Image) -> OperatingSystem {
    conclude(image, &mut Notes::default())
}

fn told(os: &OperatingSystem) -> String {
    let distribution = os.distribution.unwrap_or("-");
    format!("{} {distribution} {}", os.family.as_str(), os.version.as_deref().unwrap_or("-"))
}

fn by_name(name: &str) -> String {
    let mut image = blank();
    image.name = Some(name.to_owned());
    told(&detect(&image))
}

/// What a detection over the real records finds. The platform of these records is left out where
/// it says nothing, so that the names have to do the work.
#[test]
fn real_images_are_recognised() {
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for line in IMAGES.lines() {
        let json: Value = serde_json::from_str(line).unwrap();
        let mut image = blank();
        let text = |field: &str| json[field].as_str().map(str::to_owned);
        image.name = text("name");
        image.description = text("description");
        image.platform = text("platform").filter(|platform| platform == "windows");
        *found.entry(told(&detect(&image))).or_default() += 1;
    }
    let expected = [
        // Deep Learning AMIs of 2017, whose names say no version.
        ("linux Amazon Linux -", 2),
        ("linux Amazon Linux 1", 20),
        ("linux Amazon Linux 2", 844),
        ("linux Amazon Linux 2022", 15),
        ("linux Amazon Linux 2023", 380),
        ("linux Amazon Linux 2027", 4),
        ("linux Red Hat Enterprise Linux 7.4", 1),
        ("linux SUSE Linux Enterprise Server 11 SP4", 1),
        ("linux SUSE Linux Enterprise Server 12 SP3", 1),
        ("linux Ubuntu -", 2),
        ("linux Ubuntu 14.04", 1),
        ("linux Ubuntu 16.04", 1),
        // Called `product_codes_test`.
        ("unknown - -", 1),
        ("windows Windows Server 2003 R2", 1),
        ("windows Windows Server 2008", 1),
        ("windows Windows Server 2008 R2", 1),
        ("windows Windows Server 2012", 1),
        ("windows Windows Server 2012 R2", 8),
        ("windows Windows Server 2016", 14),
        ("windows Windows Server 2019", 2),
    ];
    let expected: BTreeMap<String, usize> = expected.map(|(os, count)| (os.to_owned(), count)).into();
    assert_eq!(found, expected);
}

#[test]
fn publishers_names_are_read() {
    let cases = [
        ("al2023-ami-2023.5.20240730.0-kernel-6.1-x86_64", "linux Amazon Linux 2023"),
        ("amzn2-ami-kernel-5.10-hvm-2.0.20240709.1-x86_64-gp2", "linux Amazon Linux 2"),
        ("amzn-ami-hvm-2018.03.0.20231218.0-x86_64-ebs", "linux Amazon Linux 1"),
        ("amazon-eks-node-al2023-x86_64-standard-1.30-v20240807", "linux Amazon Linux 2023"),
        ("amzn-ec2-macos-14.5-20240528-200524-arm64", "macos macOS 14.5"),
        ("Deep Learning AMI (Ubuntu 18.04) Version 60.4", "linux Ubuntu 18.04"),
        ("Deep Learning AMI (Amazon Linux 2) Version 44.0", "linux Amazon Linux 2"),
        ("ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20240701", "linux Ubuntu 24.04"),
        ("ubuntu-pro-server/images/hvm-ssd/ubuntu-jammy-22.04-amd64-pro-server-20240701", "linux Ubuntu 22.04"),
        ("debian-12-amd64-20240717-1811", "linux Debian 12"),
        ("debian-stretch-hvm-x86_64-gp2-2019-09-08-17994", "linux Debian 9"),
        ("RHEL-9.4.0_HVM-20240605-x86_64-82-Hourly2-GP3", "linux Red Hat Enterprise Linux 9.4.0"),
        ("RHEL-SAP-8.8.0_HVM-20230509-x86_64-3-Hourly2-GP2", "linux Red Hat Enterprise Linux 8.8.0"),
        ("suse-sles-15-sp5-v20240711-hvm-ssd-x86_64", "linux SUSE Linux Enterprise Server 15 SP5"),
        ("openSUSE-Leap-15.5-v20230608-hvm-ssd-x86_64", "linux openSUSE 15.5"),
        ("Rocky-9-EC2-Base-9.4-20240523.0.x86_64", "linux Rocky Linux 9"),
        ("AlmaLinux OS 9.4.20240509 x86_64", "linux AlmaLinux 9.4.20240509"),
        ("CentOS Linux 7 x86_64 HVM EBS ENA 2002_01", "linux CentOS 7"),
        ("CentOS Stream 9 x86_64 20240715", "linux CentOS Stream 9"),
        ("OL8.9-x86_64-HVM-2023-12-13", "linux Oracle Linux 8.9"),
        ("Fedora-Cloud-Base-40-1.14.x86_64-hvm-us-east-1-gp3-0", "linux Fedora 40"),
        ("bottlerocket-aws-k8s-1.30-x86_64-v1.20.4-b6163b2a", "linux Bottlerocket 1.20.4"),
        ("bottlerocket-aws-ecs-2-aarch64-v1.20.4-b6163b2a", "linux Bottlerocket 1.20.4"),
        ("Flatcar-stable-3815.2.5-hvm", "linux Flatcar 3815.2.5"),
        ("FreeBSD 14.1-RELEASE-amd64 UEFI-PREFERRED base UFS", "bsd FreeBSD 14.1"),
        ("alpine-3.20.1-x86_64-uefi-tiny-r0", "linux Alpine Linux 3.20.1"),
        ("Windows_Server-2022-English-Full-Base-2024.07.10", "windows Windows Server 2022"),
        ("Windows_Server-2012-R2_RTM-English-64Bit-Base-2023.10.11", "windows Windows Server 2012 R2"),
        ("TPM-Windows_Server-2025-English-Full-Base-2024.11.13", "windows Windows Server 2025"),
        ("EC2LaunchV2-Windows_Server-2016-English-Full-Base-2024", "windows Windows Server 2016"),
        ("Hardened Amazon Linux", "linux Amazon Linux -"),
        ("my-golden-image-42", "unknown - -"),
        ("", "unknown - -"),
    ];
    for (name, expected) in cases {
        assert_eq!(by_name(name), expected, "{name}");
    }
}

#[test]
fn weaker_evidence_adds_and_never_overrules() {
    let with = |name: &str, platform: Option<&str>, details: Option<&str>, architecture: &str| {
        let mut image = blank();
        image.name = Some(name.to_owned());
        image.platform = platform.map(str::to_owned);
        image.platform_details = details.map(str::to_owned);
        image.architecture = Some(architecture.to_owned());
        image
    };
    let cases = [
        // Case as in the documentation and as on the wire.
        (with("base", Some("Windows"), None, "x86_64"), "windows - -"),
        (with("base", Some("windows"), Some("Windows BYOL"), "x86_64"), "windows - -"),
        (with("base", None, Some("Linux/UNIX"), "x86_64"), "linux - -"),
        (with("base", None, Some("Red Hat Enterprise Linux with HA"), "x86_64"), "linux Red Hat Enterprise Linux -"),
        (with("RHEL-9.4_HVM", None, Some("Red Hat BYOL Linux"), "x86_64"), "linux Red Hat Enterprise Linux 9.4"),
        (with("base", None, Some("SQL Server Standard"), "x86_64"), "linux - -"),
        (with("base", None, Some("Something New"), "x86_64"), "unknown - -"),
        (with("base", None, Some("Linux/UNIX"), "arm64_mac"), "macos macOS -"),
        // A BSD is billed as UNIX; a name cannot make Linux of Windows, nor one licence of another.
        (with("FreeBSD 14", None, Some("Linux/UNIX"), "x86_64"), "bsd FreeBSD 14"),
        (with("ubuntu-22.04", Some("windows"), None, "x86_64"), "windows - -"),
        (with("Windows_Server-2022", None, Some("Linux/UNIX"), "x86_64"), "linux - -"),
        (with("ubuntu-22.04", None, Some("SUSE Linux"), "x86_64"), "linux SUSE Linux Enterprise Server -"),
    ];
    for (image, expected) in cases {
        let os = detect(&image);
        assert_eq!(told(&os), expected, "{image:?}");
        assert!(os.family == OsFamily::Unknown || !os.evidence.is_empty(), "evidence for {expected}");
    }
}

#[test]
fn software_is_told_by_billing_and_name() {
    let mut image = blank();
    image.name = Some("Windows_Server-2019-English-Core-SQL_2019_Standard-ECS_Optimized-2024".to_owned());
    image.platform_details = Some("Windows with SQL Server Standard".to_owned());
    assert_eq!(detect(&image).software, ["SQL Server", "Amazon ECS-optimized"]);
    image.name = Some("Deep Learning AMI Neuron (Ubuntu 22.04)".to_owned());
    image.platform_details = None;
    assert_eq!(detect(&image).software, ["Deep Learning AMI", "AWS Neuron"]);
}
