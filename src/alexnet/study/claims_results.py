"""What does the paper claim of training, and of its results? Sections 5 to 7, and table 2, as data."""

from __future__ import annotations

from alexnet.study.claim import Arm, Claim, Published

RESULT_CLAIMS = (
    Claim(
        name="weight-decay",
        section="section 5",
        sentence="Weight decay lowers the training error, too.",
        recipe="paper",
        measure="train_error",
        published=Published(words="no number"),
        least=0.5,
        arms=(Arm(name="no decay", changes={"optim.decay": 0.0}),),
        correction="Notes say that it helped against overfitting; the paper says that it lowered the training error.",
    ),
    Claim(
        name="initial-bias",
        section="section 5",
        sentence="First biases of 1 make the early stages of learning faster.",
        recipe="paper",
        measure="early_error",
        published=Published(words="no number"),
        least=0.5,
        arms=(Arm(name="biases of 0", changes={"model.init_bias": 0.0}),),
        correction="The biases of 1 are those of conv2, conv4, conv5 and the hidden dense layers; notes miss some "
        "or all of them, and give one to the last layer, which has 0.",
    ),
    Claim(
        name="update-rule",
        section="section 5",
        sentence="The printed rule, with the rate in the velocity, and the usual one end alike, though not at drops.",
        recipe="paper",
        expects="equal",
        published=Published(words="not in the paper"),
        least=1.0,
        arms=(Arm(name="torch's SGD", changes={"optim.rule": "sgd"}),),
    ),
    Claim(
        name="schedule",
        section="section 5",
        sentence="Dividing the rate by 10 when learning stalls lowers the error.",
        recipe="paper",
        published=Published(
            words="no number; the rate was divided three times, by hand", log="#145: at epochs 25, 51 and 79"
        ),
        least=0.5,
        arms=(Arm(name="constant rate", changes={"optim.schedule": "constant"}),),
        correction="Notes print drops at fixed epochs, or a schedule that may drop more often than three times.",
    ),
    Claim(
        name="layers",
        section="sections 1 and 7",
        sentence="Without any one of its middle layers the network makes about two points more errors.",
        recipe="paper",
        published=Published(effect=2.0, words="about 2 points top-1 for any middle layer"),
        least=1.0,
        arms=tuple(
            Arm(name=f"no {name}", changes={"model.without": (name,)})
            for name in ("conv2", "conv3", "conv4", "conv5", "fc6", "fc7")
        ),
        correction="Notes have 1.5 to 2 points for any layer; the paper has about 2 for the middle ones.",
    ),
    Claim(
        name="ten-views",
        section="section 4.1, table 1",
        sentence="The mean over ten views makes fewer errors than the central crop.",
        recipe="paper",
        expects="lower",
        published=Published(
            effect=-1.5, words="39.0 to 37.5 top-1, 18.3 to 17.0 top-5", log="#145-2010 39.02/18.30, 37.47/17.00"
        ),
        least=0.75,
        arms=(Arm(name="ten views", measure="ten_view_error"),),
    ),
    Claim(
        name="five-networks",
        section="section 6, table 2",
        sentence="Five networks together make fewer errors than one.",
        recipe="paper",
        expects="lower",
        published=Published(effect=-2.6, words="40.7 to 38.1 top-1, 18.2 to 16.4 top-5; validation set"),
        least=1.3,
        arms=(Arm(name="five", together=(("baseline", 5),)),),
    ),
    Claim(
        name="pre-training",
        section="section 6, table 2",
        sentence="Pre-trained on more labels and fine-tuned, the network with six convolutions makes fewer errors.",
        recipe="paper",
        expects="lower",
        published=Published(
            effect=-1.7,
            words="40.7 to 39.0 top-1, 18.2 to 16.6 top-5 on the validation set",
            log="#146-2012-2011 38.99/16.62, #145 40.66/18.21",
        ),
        least=0.85,
        arms=(
            Arm(name="larger set", changes={"model.table": "six-conv"}, against="", elsewhere=True),
            Arm(name="pre-trained", changes={"model.table": "six-conv"}, start="larger set"),
        ),
        correction="Notes give 15.3% to this network; that is of seven networks on the test set; this one has 16.6%.",
    ),
    Claim(
        name="seven-networks",
        section="section 6, table 2",
        sentence="Two pre-trained networks added to five make fewer errors than the five.",
        recipe="paper",
        expects="lower",
        published=Published(effect=-1.4, words="38.1 to 36.7 top-1, 16.4 to 15.4 top-5 on the validation set"),
        least=0.7,
        arms=(
            Arm(name="larger set", changes={"model.table": "six-conv"}, against="", elsewhere=True),
            Arm(name="pre-trained", changes={"model.table": "six-conv"}, against="", start="larger set"),
            Arm(name="five", against="", together=(("baseline", 5),)),
            Arm(name="seven", against="five", together=(("baseline", 5), ("pre-trained", 2))),
        ),
    ),
)
