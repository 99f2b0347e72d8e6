//! The closed vocabularies of EC2's `Image`, each with EC2's own words.

/// Defines an enum whose values are EC2's own words. All values can be walked in tests, and
/// elsewhere if the name is followed by `walked`.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident walked { $($variant:ident = $word:literal),+ $(,)? }) => {
        words!(@define $(#[$doc])* $name { $($variant = $word),+ });
        words!(@walk $name { $($variant),+ });
    };
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        words!(@define $(#[$doc])* $name { $($variant = $word),+ });
        words!(@walk #[cfg(test)] $name { $($variant),+ });
    };
    (@define $(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum $name { $($variant),+ }

        impl $name {
            /// EC2's word.
            pub(crate) fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }
    };
    (@walk $(#[$condition:meta])? $name:ident { $($variant:ident),+ }) => {
        $(#[$condition])?
        impl $name {
            /// Every value there is.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant),+];
        }
    };
}

words!(
    /// `ArchitectureValues`.
    Architecture { I386 = "i386", X86_64 = "x86_64", Arm64 = "arm64", X86_64Mac = "x86_64_mac", Arm64Mac = "arm64_mac" }
);
words!(
    /// `ImageTypeValues`.
    ImageType { Machine = "machine", Kernel = "kernel", Ramdisk = "ramdisk" }
);
words!(
    /// `ImageState`.
    State walked {
        Pending = "pending",
        Available = "available",
        Invalid = "invalid",
        Deregistered = "deregistered",
        Transient = "transient",
        Failed = "failed",
        Error = "error",
        Disabled = "disabled",
    }
);
words!(
    /// `DeviceType`.
    RootDeviceType { Ebs = "ebs", InstanceStore = "instance-store" }
);
words!(
    /// `VirtualizationType`.
    Virtualization { Hvm = "hvm", Paravirtual = "paravirtual" }
);
words!(
    /// `HypervisorType`. EC2 says xen for Nitro too.
    Hypervisor { Ovm = "ovm", Xen = "xen" }
);
words!(
    /// `BootModeValues`.
    BootMode walked { LegacyBios = "legacy-bios", Uefi = "uefi", UefiPreferred = "uefi-preferred" }
);
words!(
    /// The owner aliases that Amazon keeps.
    Alias { Amazon = "amazon", BackupVault = "aws-backup-vault", Marketplace = "aws-marketplace" }
);
words!(
    /// `VolumeType`.
    VolumeType walked {
        Standard = "standard",
        Io1 = "io1",
        Io2 = "io2",
        Gp2 = "gp2",
        Sc1 = "sc1",
        St1 = "st1",
        Gp3 = "gp3",
    }
);
words!(
    /// `ProductCodeValues`.
    ProductCodeType { Devpay = "devpay", Marketplace = "marketplace" }
);
words!(
    /// Inspector's severities.
    Severity walked {
        Informational = "informational",
        Low = "low",
        Medium = "medium",
        High = "high",
        Critical = "critical",
    }
);
words!(
    /// The billing codes that EC2 documents ("AMI billing information fields"), by usage operation.
    Billing walked {
        Linux = "RunInstances",
        RedHatByol = "RunInstances:00g0",
        RedHat = "RunInstances:0010",
        RedHatHa = "RunInstances:1010",
        RedHatSqlStandardHa = "RunInstances:1014",
        RedHatSqlEnterpriseHa = "RunInstances:1110",
        RedHatSqlStandard = "RunInstances:0014",
        RedHatSqlWeb = "RunInstances:0210",
        RedHatSqlEnterprise = "RunInstances:0110",
        SqlEnterprise = "RunInstances:0100",
        SqlStandard = "RunInstances:0004",
        SqlWeb = "RunInstances:0200",
        Suse = "RunInstances:000g",
        UbuntuPro = "RunInstances:0g00",
        Windows = "RunInstances:0002",
        WindowsByol = "RunInstances:0800",
        WindowsSqlEnterprise = "RunInstances:0102",
        WindowsSqlStandard = "RunInstances:0006",
        WindowsSqlWeb = "RunInstances:0202",
    }
);

impl Billing {
    /// `platformDetails`.
    pub(crate) fn platform_details(self) -> &'static str {
        match self {
            Self::Linux => "Linux/UNIX",
            Self::RedHatByol => "Red Hat BYOL Linux",
            Self::RedHat => "Red Hat Enterprise Linux",
            Self::RedHatHa => "Red Hat Enterprise Linux with HA",
            Self::RedHatSqlStandardHa => "Red Hat Enterprise Linux with SQL Server Standard and HA",
            Self::RedHatSqlEnterpriseHa => "Red Hat Enterprise Linux with SQL Server Enterprise and HA",
            Self::RedHatSqlStandard => "Red Hat Enterprise Linux with SQL Server Standard",
            Self::RedHatSqlWeb => "Red Hat Enterprise Linux with SQL Server Web",
            Self::RedHatSqlEnterprise => "Red Hat Enterprise Linux with SQL Server Enterprise",
            Self::SqlEnterprise => "SQL Server Enterprise",
            Self::SqlStandard => "SQL Server Standard",
            Self::SqlWeb => "SQL Server Web",
            Self::Suse => "SUSE Linux",
            Self::UbuntuPro => "Ubuntu Pro",
            Self::Windows => "Windows",
            Self::WindowsByol => "Windows BYOL",
            Self::WindowsSqlEnterprise => "Windows with SQL Server Enterprise",
            Self::WindowsSqlStandard => "Windows with SQL Server Standard",
            Self::WindowsSqlWeb => "Windows with SQL Server Web",
        }
    }

    /// Whether it bills Windows, licence included or not.
    pub(crate) fn is_windows(self) -> bool {
        self.platform_details().starts_with("Windows")
    }
}
