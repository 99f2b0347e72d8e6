//! Ids of resources as EC2 writes them. What exists under an id is not known here.

/// Whether `id` is `prefix` and 8 or 17 lower-case hexadecimal digits.
pub(crate) fn is_resource_id(id: &str, prefix: &str) -> bool {
    id.strip_prefix(prefix).is_some_and(|digits| {
        matches!(digits.len(), 8 | 17) && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_short_or_long_and_lower_case() {
        for (id, expected) in [
            ("i-0123456789abcdef0", true),
            ("i-01234567", true),
            ("i-0123456", false),
            ("i-0123456789ABCDEF0", false),
            ("ami-01234567", false),
            ("i-", false),
            ("", false),
        ] {
            assert_eq!(is_resource_id(id, "i-"), expected, "{id}");
        }
    }
}
