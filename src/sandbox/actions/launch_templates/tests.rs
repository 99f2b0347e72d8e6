//! The life of a launch template, and launches from it.

use crate::sandbox::landmarks::*;
use crate::sandbox::tests::{ask, clock, code, open, texts};

fn of(template: &str, action: &str, more: &str) -> String {
    format!("Action={action}&LaunchTemplateId={template}{more}")
}

#[test]
fn templates_are_versioned_and_launched_from() {
    let clock = clock();
    let directory = tempfile::tempdir().unwrap();
    let sandbox = open(&clock, Some(directory.path().to_owned()));
    let data = format!(
        "&LaunchTemplateData.ImageId={SELF_OWNED}&LaunchTemplateData.InstanceType=t3.micro\
         &LaunchTemplateData.SecurityGroup.1=default&LaunchTemplateData.Monitoring.Enabled=true\
         &LaunchTemplateData.BlockDeviceMapping.1.DeviceName=/dev/sdf\
         &LaunchTemplateData.BlockDeviceMapping.1.Ebs.VolumeSize=7\
         &LaunchTemplateData.TagSpecification.1.ResourceType=instance\
         &LaunchTemplateData.TagSpecification.1.Tag.1.Key=from&LaunchTemplateData.TagSpecification.1.Tag.1.Value=template"
    );
    let create = format!(
        "Action=CreateLaunchTemplate&LaunchTemplateName=web&ClientToken=c{data}\
         &TagSpecification.1.ResourceType=launch-template&TagSpecification.1.Tag.1.Key=team&TagSpecification.1.Tag.1.Value=a"
    );
    assert_eq!(code(&sandbox, &format!("{create}&DryRun=true")), "DryRunOperation");
    let created = ask(&sandbox, &create).1;
    let id = texts(&created, "launchTemplateId").remove(0);
    assert!(id.starts_with("lt-0") && created.contains("<value>a</value>"), "{created}");
    assert_eq!(texts(&ask(&sandbox, &create).1, "launchTemplateId"), [id.as_str()], "the same token");
    let version = of(&id, "CreateLaunchTemplateVersion", "&SourceVersion=1&LaunchTemplateData.InstanceType=t3.small");
    assert_eq!(texts(&ask(&sandbox, &version).1, "versionNumber"), ["2"]);
    let versions = ask(&sandbox, &of(&id, "DescribeLaunchTemplateVersions", "")).1;
    assert_eq!(texts(&versions, "versionNumber"), ["2", "1"]);
    assert_eq!(texts(&versions, "instanceType"), ["t3.small", "t3.micro"]);
    assert_eq!(texts(&versions, "imageId"), [SELF_OWNED; 2]);
    assert!(versions.contains("<securityGroupSet><item>default</item></securityGroupSet>"), "{versions}");

    let run = |version: &str, more: &str| {
        let template = format!("&LaunchTemplate.LaunchTemplateName=web{version}");
        ask(&sandbox, &format!("Action=RunInstances&MinCount=1&MaxCount=1{template}{more}")).1
    };
    let default = run("", "");
    assert_eq!(texts(&default, "instanceType"), ["t3.micro"]);
    assert_eq!(texts(&default, "deviceName"), ["/dev/xvda", "/dev/sdf"]);
    assert_eq!(texts(&default, "key"), ["aws:ec2launchtemplate:id", "aws:ec2launchtemplate:version", "from"]);
    assert_eq!(texts(&run("&LaunchTemplate.Version=%24Latest", ""), "instanceType"), ["t3.small"]);
    let overridden = run(
        "&LaunchTemplate.Version=2",
        "&InstanceType=m7i.large&BlockDeviceMapping.1.DeviceName=/dev/sdf&BlockDeviceMapping.1.NoDevice=",
    );
    assert_eq!(texts(&overridden, "instanceType"), ["m7i.large"]);
    assert_eq!(texts(&overridden, "deviceName"), ["/dev/xvda"]);

    assert_eq!(
        code(&sandbox, &of(&id, "DeleteLaunchTemplateVersions", "&LaunchTemplateVersion.1=x")),
        "InvalidParameterValue"
    );
    for unknown in ["Imageid", "ImageId.Name", "SecurityGroupId.1.Name", "NetworkInterface.SubnetId", "Placement.Zone"]
    {
        let form = of(&id, "CreateLaunchTemplateVersion", &format!("&LaunchTemplateData.{unknown}=x"));
        assert_eq!(code(&sandbox, &form), "UnknownParameter", "{unknown}");
    }
    let refused =
        ask(&sandbox, &of(&id, "DeleteLaunchTemplateVersions", "&LaunchTemplateVersion.1=1&LaunchTemplateVersion.2=9"))
            .1;
    assert_eq!(texts(&refused, "code"), ["unexpectedError", "launchTemplateVersionDoesNotExist"]);
    let modified = ask(&sandbox, &of(&id, "ModifyLaunchTemplate", "&SetDefaultVersion=2")).1;
    assert_eq!(texts(&modified, "defaultVersionNumber"), ["2"]);
    ask(&sandbox, &of(&id, "DeleteLaunchTemplateVersions", "&LaunchTemplateVersion.1=1"));
    assert_eq!(texts(&run("", ""), "instanceType"), ["t3.small"]);

    let described = ask(&sandbox, "Action=DescribeLaunchTemplates").1;
    let versions = ask(&sandbox, &of(&id, "DescribeLaunchTemplateVersions", "")).1;
    drop(sandbox);
    let sandbox = open(&clock, Some(directory.path().to_owned()));
    assert_eq!(ask(&sandbox, "Action=DescribeLaunchTemplates").1, described);
    assert_eq!(ask(&sandbox, &of(&id, "DescribeLaunchTemplateVersions", "")).1, versions);
    ask(&sandbox, &of(&id, "DeleteLaunchTemplate", ""));
    let again = texts(&ask(&sandbox, &create).1, "launchTemplateId");
    assert_ne!(again, [id.as_str()], "ids are never given twice");
}

#[test]
fn what_is_wrong_with_a_template_has_its_code() {
    let sandbox = open(&clock(), None);
    let create = "Action=CreateLaunchTemplate&LaunchTemplateName=web&LaunchTemplateData.InstanceType=t3.micro";
    let id = texts(&ask(&sandbox, create).1, "launchTemplateId").remove(0);
    let run = |template: &str| format!("Action=RunInstances&MinCount=1&MaxCount=1&LaunchTemplate.{template}");
    for (form, expected) in [
        (create.to_owned(), "InvalidLaunchTemplateName.AlreadyExistsException"),
        (create.replace("web", "w"), "InvalidLaunchTemplateName.MalformedException"),
        (create.replace("web", "w b"), "InvalidLaunchTemplateName.MalformedException"),
        ("Action=CreateLaunchTemplate&LaunchTemplateName=empty".to_owned(), "MissingParameter"),
        (create.replace("web", "new").replace("InstanceType=", "Nonsense="), "UnknownParameter"),
        (create.replace("web", "new").replace("InstanceType=t3", "EbsOptimized=maybe"), "InvalidParameterValue"),
        (
            create.replace("web", "new").replace("InstanceType", "InstanceRequirements.VCpuCount.Min"),
            "UnsupportedOperation",
        ),
        (create.replace("web", "new").replace("InstanceType=t3.micro", "UserData=%25"), "InvalidUserData.Malformed"),
        (format!("{}&TagSpecification.1.ResourceType=instance", create.replace("web", "new")), "InvalidParameterValue"),
        (run("LaunchTemplateId=lt-x"), "InvalidLaunchTemplateId.Malformed"),
        (run("LaunchTemplateId=lt-0123456789abcdef0"), "InvalidLaunchTemplateId.NotFound"),
        (run("LaunchTemplateName=other"), "InvalidLaunchTemplateName.NotFoundException"),
        (run("LaunchTemplateName=!"), "InvalidLaunchTemplateName.MalformedException"),
        (run("Version=1"), "MissingParameter"),
        (run(&format!("LaunchTemplateId={id}&LaunchTemplate.LaunchTemplateName=web")), "InvalidParameterCombination"),
        (run("LaunchTemplateName=web&LaunchTemplate.Version=2"), "InvalidLaunchTemplateId.VersionNotFound"),
        (run("LaunchTemplateName=web&LaunchTemplate.Version=two"), "InvalidParameterValue"),
        (run("LaunchTemplateName=web"), "MissingParameter"),
        (of(&id, "ModifyLaunchTemplate", "&SetDefaultVersion=7"), "InvalidLaunchTemplateId.VersionNotFound"),
        (
            of(&id, "DescribeLaunchTemplateVersions", "&LaunchTemplateVersion.1=7"),
            "InvalidLaunchTemplateId.VersionNotFound",
        ),
        ("Action=DescribeLaunchTemplateVersions".to_owned(), "MissingParameter"),
        ("Action=DescribeLaunchTemplateVersions&LaunchTemplateVersion.1=1".to_owned(), "InvalidParameterValue"),
        (
            "Action=DescribeLaunchTemplates&LaunchTemplateName.1=other".to_owned(),
            "InvalidLaunchTemplateName.NotFoundException",
        ),
        ("Action=DescribeLaunchTemplates&MaxResults=201".to_owned(), "InvalidParameterValue"),
    ] {
        assert_eq!(code(&sandbox, &form), expected, "{form}");
    }
    let latest =
        "Action=DescribeLaunchTemplateVersions&LaunchTemplateVersion.1=%24Latest&LaunchTemplateVersion.2=%24Default";
    assert_eq!(texts(&ask(&sandbox, latest).1, "versionNumber"), ["1"]);
}

#[test]
fn a_repeated_launch_is_the_same_one_whatever_its_template_says_by_now() {
    let sandbox = open(&clock(), None);
    let data = |zone: &str| {
        format!(
            "&LaunchTemplateName=web&LaunchTemplateData.ImageId={SELF_OWNED}\
             &LaunchTemplateData.InstanceType=t3.micro{zone}"
        )
    };
    ask(&sandbox, &format!("Action=CreateLaunchTemplate{}", data("")));
    let run = "Action=RunInstances&MinCount=1&MaxCount=1&ClientToken=t&LaunchTemplate.LaunchTemplateName=web\
               &LaunchTemplate.Version=%24Latest";
    let launched = texts(&ask(&sandbox, run).1, "instanceId");
    let zone = "&LaunchTemplateData.Placement.AvailabilityZone=sandbox-1b";
    ask(&sandbox, &format!("Action=CreateLaunchTemplateVersion{}", data(zone)));
    assert_eq!(texts(&ask(&sandbox, run).1, "instanceId"), launched, "a zone, and with it another scope of tokens");
    ask(&sandbox, "Action=DeleteLaunchTemplate&LaunchTemplateName=web");
    assert_eq!(texts(&ask(&sandbox, run).1, "instanceId"), launched, "no template at all");
    assert_eq!(code(&sandbox, &format!("{run}&DryRun=true")), "DryRunOperation");
}
