//! How a table of steps is written: each field with its type and with what Linux v6.6 does there.

macro_rules! steps {
    ($(#[$about:meta])* pub struct $name:ident; $($(#[$doc:meta])* $field:ident: $type:ty = $v66:expr;)*) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name { $($(#[$doc])* pub $field: $type,)* }

        impl $name {
            /// Linux v6.6.
            pub const V66: $name = $name { $($field: $v66,)* };
        }
    };
}

pub(super) use steps;
