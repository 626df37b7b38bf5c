//! Aruba's sensors as clients.

use crate::{Demand, Family, FamilyName, Need, Source, Subject};

const SENSOR_GUIDE: Source = Source::Documentation(
    "https://help.capenetworks.com/en/articles/3925118-obtain-a-certificate-with-simple-certificate-enrollment-protocol-scep",
);

pub(super) const ARUBA: Family = Family {
    name: FamilyName::Aruba,
    title: "Aruba (sensors of User Experience Insight)",
    demands: &[
        Demand::none(
            Subject::Transport,
            "The URL of the server is configured with its scheme.",
            &[SENSOR_GUIDE],
        ),
        Demand::none(
            Subject::Key,
            "Its cryptographic settings must fit the CA's certificate template.",
            &[SENSOR_GUIDE],
        ),
        Demand::soft(
            Need::IssuesAtOnce,
            "Its guide wants a CA that issues without waiting for a person's approval.",
            "its guide wants a CA that issues at once",
            &[SENSOR_GUIDE],
        ),
    ],
};
