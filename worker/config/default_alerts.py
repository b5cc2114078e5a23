"""What a new `nrr.toml` says of alerts."""

from typing import Final

DEFAULT_TOML: Final = """\
# [alerts]
# defaults = true                 # nrr-below-100, the same of trailing_3 (nrr-3-months-below-100), grr-drop and logo-drop, as below
# freshness_hours = 24            # data older than that; 0: never
# drift = true                    # states that no event explains
# quarantine = true               # objects that could not be read
# identity = true                 # sums that don't add up
# quiet_hours = "22:00-07:00"     # in the reporting time zone: nothing is sent then
# digests = ["weekly"]            # daily, weekly, monthly
# to = ["slack", "email"]         # channels of what names none itself; without it: all. Also teams, webhook, and any [channels.NAME]
# digests_to = ["email"]          # channels of the digests
# digest_above = 5                # more messages than that in one night become one
# names = true                    # customers' names in messages too, where store_names keeps them; false: ids alone
# outside_share = "10 %"          # so much of what is invoiced may lie outside subscriptions before messages say it (five points more in a
#                                 # month are said, too)
# report_url = "https://…"        # where your report is
# minimum_customers = 10          # for all rules: no alert on fewer customers at the opening
# confirm_nights = 1              # nights in a row that must say the same
# cooldown_days = 3               # quiet for so long after it was resolved
#
# [[alerts.rules]]
# name = "nrr-below-100"
# metric = "nrr"                  # any rate, amount or count that `nrr show` knows
# window = "trailing_12"          # day, month, quarter, year, trailing_3, trailing_12
# below = "100 %"                 # or above; amounts in major units
# recover_by = "0.5 points"       # how far back before it counts as resolved
# certainty = "99 %"              # rings when that sure; what crosses the limit within noise is a note in the digest and in
#                                 # `nrr alerts list`. "measured" (the default of your own rules): rings at once, and says how sure it is
# inferred = "skip"               # a verdict that could rest on changes alone that nothing dates exactly (a first read has many) is
#                                 # noted only; "count": they count as all others; "leave_out": the rule looks at figures without them
#
# [[alerts.rules]]
# name = "grr-drop"
# metric = "grr"
# window = "trailing_3"
# falls_by = "2 points"           # or rises_by; points, per cent, or an amount
# against = "preceding"           # the three months before these; or previous (a month earlier), year_ago, trailing_mean (with mean_of = 6)
# recover_by = "0.5 points"
# certainty = "96 %"
#
# [[alerts.rules]]
# name = "logo-drop"
# metric = "logo_retention"       # customers are counted, not weighed: where a few hold most of the money, this is what tells first
# window = "trailing_12"
# falls_by = "1 point"
# against = "year_ago"
# recover_by = "0.5 points"
# certainty = "98 %"
#
# [[alerts.rules]]
# name = "unusual-grr"
# metric = "grr"
# window = "month"                # or quarter: windows that don't overlap; silent below twelve of them
# unusual = "low"                 # or high: beside what its own last 12 to 36 windows let one expect; the season drops out from 24 on
# by = 4                          # so many usual spreads off
#
# [[alerts.rules]]
# name = "plans"
# metric = "grr"
# window = "trailing_3"
# each = "plan"                   # every plan on its own; or segment = "plan=pro"
# below = "85 %"
# to = ["email"]                  # only by these channels; if none of them works, by the others
#
# [[alerts.rules]]
# name = "large-churn"
# movement = "churn"              # churn, contraction, expansion, new, reactivation, scheduled
# above = 1000
"""
"""What `nrr init` writes: the defaults, and examples to begin with. They are on while all of it is commented out."""
