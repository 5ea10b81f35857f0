//! Every text that the console shows, by its name, in one place: `texts/en/*.ftl`, in Fluent's format. Another language
//! is another folder beside it.
//!
//! Messages know which words the realm uses for clients and their secrets (`$vocabulary`). A test finds names that a
//! template uses and no file has, and texts that nothing uses.

use std::borrow::Cow;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use symbolon_core::realm::Vocabulary;

const ENGLISH: [&str; 7] = [
    include_str!("texts/en/words.ftl"),
    include_str!("texts/en/frame.ftl"),
    include_str!("texts/en/errors.ftl"),
    include_str!("texts/en/account.ftl"),
    include_str!("texts/en/customer.ftl"),
    include_str!("texts/en/operator.ftl"),
    include_str!("texts/en/records.ftl"),
];

type Bundle = FluentBundle<FluentResource>;

static BUNDLE: LazyLock<Bundle> = LazyLock::new(|| {
    let mut bundle = Bundle::new_concurrent(vec!["en".parse().unwrap_or_default()]);
    // The marks around values are for mixed directions of writing; they would be copied along with an id.
    bundle.set_use_isolating(false);
    for text in ENGLISH {
        // What cannot be read is left out and shows as its name; a test finds it.
        let resource = FluentResource::try_new(text.to_owned()).unwrap_or_else(|(resource, _)| resource);
        bundle.add_resource_overriding(resource);
    }
    bundle
});

/// The texts in a realm's words.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Texts {
    vocabulary: Vocabulary,
}

impl Texts {
    /// In these words.
    pub(crate) const fn of_words(vocabulary: Vocabulary) -> Self {
        Self { vocabulary }
    }

    /// A text without values.
    pub(crate) fn of(self, name: &str) -> Cow<'static, str> {
        self.with(name, &[])
    }

    /// A text with one value: `{ $value }`.
    pub(crate) fn one(self, name: &str, value: impl TextValue) -> Cow<'static, str> {
        let mut arguments = FluentArgs::with_capacity(2);
        arguments.set("value", value.in_text());
        self.formatted(name, arguments)
    }

    /// A text with values by name.
    pub(crate) fn with(self, name: &str, values: &[(&'static str, &str)]) -> Cow<'static, str> {
        let mut arguments = FluentArgs::with_capacity(values.len() + 1);
        for (name, value) in values {
            arguments.set(*name, *value);
        }
        self.formatted(name, arguments)
    }

    /// Whether there is such a text.
    pub(crate) fn has(name: &str) -> bool {
        BUNDLE.has_message(name)
    }

    fn formatted(self, name: &str, mut arguments: FluentArgs<'_>) -> Cow<'static, str> {
        arguments.set(
            "vocabulary",
            match self.vocabulary {
                Vocabulary::Oauth => "oauth",
                Vocabulary::ServiceUsers => "service-users",
            },
        );
        let Some(pattern) = BUNDLE.get_message(name).and_then(|message| message.value()) else {
            return Cow::Owned(name.to_owned());
        };
        // A value that is missing shows as its name; there is nobody here to tell.
        let mut errors = Vec::new();
        Cow::Owned(BUNDLE.format_pattern(pattern, Some(&arguments), &mut errors).into_owned())
    }
}

/// What can stand in a text: words, and numbers, whose plural a text may choose by.
pub(crate) trait TextValue {
    /// As Fluent takes it.
    fn in_text(&self) -> FluentValue<'_>;
}

impl TextValue for str {
    fn in_text(&self) -> FluentValue<'_> {
        self.into()
    }
}

impl TextValue for String {
    fn in_text(&self) -> FluentValue<'_> {
        self.as_str().into()
    }
}

impl TextValue for Cow<'_, str> {
    fn in_text(&self) -> FluentValue<'_> {
        (&**self).into()
    }
}

impl TextValue for u64 {
    fn in_text(&self) -> FluentValue<'_> {
        (*self).into()
    }
}

impl TextValue for u32 {
    fn in_text(&self) -> FluentValue<'_> {
        (*self).into()
    }
}

impl TextValue for i64 {
    fn in_text(&self) -> FluentValue<'_> {
        (*self).into()
    }
}

impl TextValue for usize {
    fn in_text(&self) -> FluentValue<'_> {
        (*self).into()
    }
}

impl<T: TextValue + ?Sized> TextValue for &T {
    fn in_text(&self) -> FluentValue<'_> {
        (**self).in_text()
    }
}

#[cfg(test)]
mod tests;
