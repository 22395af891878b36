//! How a table of steps is written: each field with its type and with what Linux v6.6 does there; and how the lists of what
//! can be done to it are: room by room.

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

/// All entries of some rooms, which are constant slices, as one constant slice. There must be one at least.
macro_rules! flat {
    ($type:ty, $rooms:expr) => {{
        const OF: &[&[$type]] = $rooms;
        const COUNT: usize = {
            let (mut count, mut room) = (0, 0);
            while room < OF.len() {
                count += OF[room].len();
                room += 1;
            }
            count
        };
        const FLAT: [$type; COUNT] = {
            let mut flat = [OF[0][0]; COUNT];
            let (mut at, mut room) = (0, 0);
            while room < OF.len() {
                let mut i = 0;
                while i < OF[room].len() {
                    flat[at] = OF[room][i];
                    at += 1;
                    i += 1;
                }
                room += 1;
            }
            flat
        };
        &FLAT
    }};
}

pub(crate) use flat;
