"""The words that the names of flow runs are made of.

Append only in a major version: with another number of words, a seed gives other names.
"""

ADJECTIVES: tuple[str, ...] = tuple(
    """
    able agile airy amber amiable ample apt avid balmy bold brave breezy bright brisk bubbly calm candid
    careful cheerful chirpy civil clean clear clever comfy cosy crafty crisp curious dainty dapper daring
    deft dreamy dusky eager earnest easy fabled fair fearless festive fleet fluent fluffy fond frank fresh
    friendly frosty gallant gentle giddy glad gleaming golden graceful hale handy happy hardy hearty
    helpful honest hopeful humble jaunty jolly jovial joyful keen kind lively loyal lucid lucky lunar lush
    mellow merry mighty mild mirthful misty modest neat nifty nimble noble patient peaceful perky placid
    playful plucky polite proud quick quiet radiant ready rosy rugged sandy serene sharp shiny silent
    silver sincere sleek smooth snowy snug solar sound spry steady stellar sturdy subtle sunny swift tidy
    tranquil trusty upbeat valiant velvet vivid warm watchful whimsical willing wise witty zesty
    """.split()  # noqa: SIM905 - a list literal would be four pages long
)

ANIMALS: tuple[str, ...] = tuple(
    """
    albatross alpaca antelope armadillo badger barracuda beaver bee beetle bison blackbird bobcat
    bullfinch bumblebee buzzard camel capybara caribou catfish chaffinch chameleon cheetah chinchilla
    chipmunk cicada condor coot cormorant coyote crab crane cricket cuckoo curlew dingo dolphin dormouse
    dove dragonfly duck eagle eel egret eider elephant elk emu ermine falcon ferret finch firefly flamingo
    fox gannet gazelle gecko gerbil gibbon giraffe goldfinch goose grebe grouse guppy haddock hamster hare
    hawk hedgehog heron herring hornbill hummingbird ibex ibis iguana impala jackdaw jaguar jay kestrel
    kingfisher kite kiwi koala lapwing lark lemming lemur leopard limpet linnet llama lobster lynx macaw
    magpie mallard manatee marlin marmot marten meerkat mink minnow mole mongoose moose moth narwhal newt
    nightingale nuthatch ocelot octopus okapi orca oriole osprey otter owl panda panther parrot partridge
    pelican penguin perch pheasant pigeon pika plover pony porpoise possum puffin puma quail quokka rabbit
    raccoon raven redstart reindeer robin salamander salmon sandpiper seahorse seal sealion shrew skylark
    sparrow squid squirrel starfish starling stoat stork sturgeon swallow swan tapir tern thrush tiger
    tortoise toucan trout turtle vole wagtail wallaby walrus warbler weasel whale wolverine wombat
    woodpecker wren yak zebra
    """.split()  # noqa: SIM905 - a list literal would be four pages long
)
